/** What a restart plays on: the instances that are restarted, the parts around them, and what is observed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Part, ServiceProcess } from "@legation/local";
import { LegationError } from "@legation/runtime";
import { type AgentLog, followAgentLog } from "./agent-log.js";
import { type Departure, type Leaving, leave } from "./departure.js";
import type { Fleet } from "./fleet.js";

/** A request that is expected to outlive the drain limit: it may be cut. */
export interface LongRequest {
  readonly kind: string;
  readonly cut: boolean;
  readonly reason: string;
}

/** One restart of an instance of each service. */
export interface Scene {
  readonly fleet: Fleet;
  readonly instances: readonly ServiceProcess[];
  /** Instances of other ranks, which go on. */
  others(): readonly ServiceProcess[];
  /** An agent's log from now on. */
  follow(service: ServiceProcess): Promise<AgentLog>;
  /** Sends SIGTERM to all agents at once. */
  leave(): Promise<LeavingAll>;
  /** Starts the agents that do not run and waits until each agent says that it is ready. */
  arrive(): Promise<void>;
  /** SIGKILL to one part of each instance, where it runs. */
  kill(part: Part): Promise<void>;
  /** Stops the bystander's Envoy (SIGSTOP), so that it acknowledges nothing, until what it resolves with is called. */
  stopBystander(): Promise<() => void>;
  /** For the table: what was seen beyond the figures. */
  note(seen: string): void;
  /** Counts requests apart from the load. */
  countLong(requests: readonly LongRequest[]): void;
}

/** Instances on their way out. */
export interface LeavingAll {
  /** Resolves as soon as each of them has begun this step. */
  begun(step: string): Promise<void>;
  /** Throws with code `prove.departure` when one of them ended with another code than expected. */
  left(codes?: readonly number[] | "any"): Promise<readonly Departure[]>;
}

/** A kill -9. */
export interface Kill {
  readonly part: Part;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a scene has observed. */
export interface Observed {
  readonly kills: Kill[];
  readonly departures: Departure[];
  readonly notes: string[];
  readonly long: LongRequest[];
}

/** Sets the scene; what is observed goes into `observed`. */
export function createScene(fleet: Fleet, at: number, observed: Observed): Scene {
  const instances = fleet.rank(at);
  return {
    fleet,
    instances,
    others: () => fleet.all.filter((service) => !instances.includes(service)),
    follow: (service) => followAgentLog(service.log),
    async leave() {
      const leaving = await Promise.all(instances.map(leave));
      return { begun: async (step) => void (await Promise.all(leaving.map((one) => one.begun(step)))), left: left(leaving, observed) };
    },
    async arrive() {
      await Promise.all(instances.map((service) => (service.running ? service.ready() : service.restart())));
    },
    async kill(part) {
      for (const service of instances) if (await service.killIfAlive(part)) observed.kills.push({ part, at: Date.now() });
    },
    async stopBystander() {
      const { envoy } = await fleet.bystander.pids();
      process.kill(envoy, "SIGSTOP");
      return () => void process.kill(envoy, "SIGCONT");
    },
    note: (seen) => void observed.notes.push(seen),
    countLong: (requests) => void observed.long.push(...requests),
  };
}

function left(leaving: readonly Leaving[], observed: Observed): LeavingAll["left"] {
  return async (codes = [0]) => {
    const departures = await Promise.all(leaving.map((one) => one.left));
    observed.departures.push(...departures);
    for (const departure of departures)
      if (codes !== "any" && !codes.includes(departure.code ?? -1))
        throw new LegationError("prove.departure", `${departure.id} left with code ${departure.code} instead of ${codes.join(" or ")}`);
    return departures;
  };
}

/** The outcome of a step of one departure; "not reached" where it has none. */
export function outcomeOf(departure: Departure | undefined, step: string): string {
  return departure?.steps.find((s) => s.step === step)?.outcome ?? "not reached";
}

/** Milliseconds for which nothing is expected to happen, so that what should not happen could. */
export const settle = (ms: number): Promise<void> => sleep(ms);
