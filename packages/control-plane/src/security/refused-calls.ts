/** Callers that intentions refuse more often than a mistake explains, as the agents of the callees count them: told to the security events. */
import { type AgentReport, deniedOthers } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import type { SecurityEvents } from "./events.js";

/** Refused calls are counted over this time; milliseconds. */
export const refusedWithinMs = 60_000;

/** Pairs of a caller and a callee that are counted at once, at most. The one that began first goes first. */
export const refusedPairsApart = 20_000;

/** Counts refused calls over all instances whose agents report to this replica. */
export interface RefusedCalls {
  add(report: Pick<AgentReport, "service" | "denied">): void;
}

/** Makes the counter. `perMinute` refused calls of one caller to one service are an event. */
export function createRefusedCalls(o: { perMinute: number; events: Pick<SecurityEvents, "report">; clock: Clock }): RefusedCalls {
  const pairs = new Map<string, { count: number; readonly since: number }>();
  return {
    add({ service, denied = [] }) {
      const now = o.clock.monotonic();
      for (const { caller, rule, count } of denied) {
        const subject = `${caller}=>${service}`;
        const found = pairs.get(subject);
        const pair = found && now - found.since < refusedWithinMs ? found : { count: 0, since: now };
        pair.count += count;
        if (pair !== found) {
          pairs.delete(subject);
          pairs.set(subject, pair);
        }
        for (const oldest of pairs.keys()) {
          if (pairs.size <= refusedPairsApart) break;
          pairs.delete(oldest);
        }
        if (pair.count < o.perMinute) continue;
        const who = caller === deniedOthers ? "callers that are not named apart" : caller;
        const message = `intentions refused ${who} ${pair.count} times at ${service} within ${refusedWithinMs / 1_000} s, last by ${rule}`;
        o.events.report({ kind: "service-calls-denied", subject, message, detail: { caller, service, rule, calls: pair.count } });
      }
    },
  };
}
