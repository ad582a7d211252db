/** What changes between two reports of an agent: the state of its service, its health, its restarts; and agents that fall silent. */
import { type AgentReport, instanceKey } from "@legation/contract";
import type { Clock, Timer } from "@legation/runtime";
import { reportAge, reportsKept } from "../channel/reports.js";
import type { Events } from "./events.js";
import type { ToldEvent } from "./told-event.js";

/** See the file's sentence. */
export interface AgentEvents {
  take(report: AgentReport): void;
  stop(): void;
}

/** How often it is looked for agents that are silent; milliseconds. */
const lookEvery = 5_000;

const severityOfState: Readonly<Partial<Record<AgentReport["state"], "warning" | "error">>> = {
  failed: "error",
  unhealthy: "error",
  backing_off: "warning",
};
const severityOfLevel = { HEALTHY: "info", UNKNOWN: "info", DEGRADED: "warning", UNHEALTHY: "error" } as const;

/** Makes it; what an instance was before is known from the events of all control planes, whichever its agent reported to. */
export function createAgentEvents(events: Pick<Events, "tell" | "settle" | "stateOf" | "holds">, clock: Clock): AgentEvents {
  /** The agents that report here, in the order of their last report; at most `reportsKept`. */
  const heard = new Map<string, { readonly service: string; readonly version: string; readonly at: number }>();
  let timer: Timer | undefined;

  function lifecycle(report: AgentReport, about: { service: string; instance: string }): void {
    const { state: to, restartCount, lastRestart, lastError } = report;
    const because = lastError === undefined ? {} : { lastError };
    const changed = (from: string | undefined): ToldEvent => ({
      ...{ type: "instance.state-changed", severity: severityOfState[to] ?? "info", ...about },
      text: `${about.instance} is ${to}${from ? `, was ${from}` : ""}${lastError && severityOfState[to] ? `: ${lastError}` : ""}`,
      details: { ...(from ? { from: from as AgentReport["state"] } : {}), to, restartCount, ...because },
    });
    const from = events.stateOf(changed(undefined));
    // One that runs when it is first heard of has not changed.
    if (from === undefined && to === "running") events.settle(changed(undefined));
    else events.tell(changed(from));
    events.settle({
      ...{ type: "instance.restarted", severity: "warning", ...about },
      text: `${about.instance} was restarted, the ${ordinal(restartCount)} time${lastError ? `: ${lastError}` : ""}`,
      details: { restartCount, at: lastRestart ?? "", ...because },
    });
  }

  function level({ health }: AgentReport, about: { service: string; instance: string }): void {
    if (!health) return;
    const { level: to, message, consecutiveFailures } = health;
    const changed = (from: string | undefined): ToldEvent => ({
      ...{ type: "instance.level-changed", severity: severityOfLevel[to], ...about },
      text: `${about.instance} is ${to}${from ? `, was ${from}` : ""}: ${message}`,
      details: { ...(from ? { from: from as typeof to } : {}), to, message, consecutiveFailures },
    });
    const from = events.stateOf(changed(undefined));
    if (from === undefined && (to === "HEALTHY" || to === "UNKNOWN")) events.settle(changed(undefined));
    else events.tell(changed(from));
  }

  function connected(instance: string, service: string, agentVersion: string): ToldEvent {
    return { type: "agent.connected", service, instance, text: `the agent of ${instance} reports`, details: { agentVersion } };
  }

  function look(): void {
    timer = undefined;
    const now = clock.monotonic();
    for (const [instance, { service, version, at }] of heard) {
      if (heard.size <= reportsKept && now - at <= reportAge.silentAfter) break;
      heard.delete(instance);
      // It may report to another control plane meanwhile.
      if (now - at <= reportAge.silentAfter || !events.holds(connected(instance, service, version))) continue;
      const silentMs = Math.round(now - at);
      const text = `the agent of ${instance} has not reported for ${Math.round(silentMs / 1_000)} s`;
      events.tell({ type: "agent.silent", severity: "warning", service, instance, text, details: { silentMs } });
    }
    arm();
  }

  function arm(): void {
    if (heard.size > 0) timer ??= clock.timeout(lookEvery, look);
  }

  return {
    take(report) {
      const { node, id, service, agentVersion } = report;
      const instance = instanceKey(node, id);
      heard.delete(instance);
      heard.set(instance, { service, version: agentVersion, at: clock.monotonic() });
      events.tell(connected(instance, service, agentVersion));
      lifecycle(report, { service, instance });
      level(report, { service, instance });
      arm();
    },
    stop: () => timer?.cancel(),
  };
}

function ordinal(n: number): string {
  const [tens, ones] = [n % 100, n % 10];
  const ending = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][ones] ?? "th");
  return `${n}${ending}`;
}
