/** One stop of an instance, observed through its agent's log step by step. */
import type { ServiceProcess } from "@legation/local";
import { type AgentEvent, type AgentLog, followAgentLog } from "./agent-log.js";

/** A step as the agent logged it (`leave.step`; the numbers are those of the stop order). */
export interface Step {
  readonly step: string;
  readonly outcome: string;
  readonly ms: number;
  /** When it was over; milliseconds since the epoch. */
  readonly at: number;
}

/** A stop that is over. */
export interface Departure {
  readonly id: string;
  readonly steps: readonly Step[];
  readonly code: number | null;
  /** From the signal to the agent's end; milliseconds. */
  readonly ms: number;
}

/** A stop under way. */
export interface Leaving {
  readonly id: string;
  /** Resolves as soon as this step has begun: the one before is logged. */
  begun(step: string): Promise<void>;
  readonly left: Promise<Departure>;
}

const order = ["1", "2", "3", "4", "4b", "5", "6", "7"];
const limitMs = 60_000;

/** Sends SIGTERM to the instance's agent. */
export async function leave(service: ServiceProcess): Promise<Leaving> {
  const log = await followAgentLog(service.log);
  const start = performance.now();
  const stopping = service.stop();
  return {
    id: service.id,
    async begun(step) {
      const before = order[order.indexOf(step) - 1];
      const what = before === undefined ? "the begin of its stop" : `the end of step ${before}`;
      await log.event(what, (e) => (before === undefined ? e.event === "agent.stopping" : isStep(e) && e["step"] === before), limitMs);
    },
    left: finish(service, log, stopping, start),
  };
}

async function finish(service: ServiceProcess, log: AgentLog, stopping: Promise<number | null>, start: number): Promise<Departure> {
  try {
    const code = await stopping;
    const ms = performance.now() - start;
    await log.close();
    return { id: service.id, code, ms, steps: stepsOf(log.events) };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** The steps among events. */
export function stepsOf(events: readonly AgentEvent[]): Step[] {
  return events.filter(isStep).map((e) => ({
    step: String(e["step"]),
    outcome: String(e["outcome"]),
    ms: Number(e["ms"]),
    at: new Date(e["time"] as string).getTime(),
  }));
}

function isStep({ event }: AgentEvent): boolean {
  return event === "leave.step";
}
