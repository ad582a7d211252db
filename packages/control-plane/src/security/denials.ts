/** Callers that are refused more often than a mistake explains: told to the security events. */
import type { Clock } from "@legation/runtime";
import { type Caller, keyOfCaller, nameOfCaller } from "./caller.js";
import type { SecurityEvents } from "./events.js";

/** So many refusals of one caller within `withinMs` are an event. */
export const deniedRate = { refusals: 20, withinMs: 60_000 } as const;

const callersApart = 5_000;

/** Counts refusals. */
export interface Denials {
  /** One more; `what` is the request in a few words. */
  add(caller: Caller, what: string): void;
}

/** Makes the counter. */
export function createDenials(o: { events: Pick<SecurityEvents, "report">; clock: Clock }): Denials {
  const counts = new Map<string, { count: number; readonly since: number }>();
  return {
    add(caller, what) {
      const now = o.clock.monotonic();
      const key = keyOfCaller(caller);
      const found = counts.get(key);
      const entry = found && now - found.since < deniedRate.withinMs ? found : { count: 0, since: now };
      entry.count++;
      counts.delete(key);
      counts.set(key, entry);
      for (const oldest of counts.keys()) {
        if (counts.size <= callersApart) break;
        counts.delete(oldest);
      }
      if (entry.count < deniedRate.refusals) return;
      const message = `${nameOfCaller(caller)} was refused ${deniedRate.refusals} times within ${deniedRate.withinMs / 1_000} s, last at ${what}`;
      o.events.report({ kind: "calls-denied", subject: key, message, detail: { address: caller.address } });
    },
  };
}
