/** How one destination is called: all aspects, and how what was written of them is put over what holds without. */
import type { z } from "zod";
import { accessLog } from "./access-log/access-log.js";
import type { Aspect } from "./aspect.js";
import { balancing } from "./balancing/balancing.js";
import { circuitBreaker } from "./circuit-breaker/circuit-breaker.js";
import { connections } from "./connections/connections.js";
import { milliseconds } from "./duration.js";
import { healthChecks } from "./health-checks/health-checks.js";
import { hedging } from "./hedging/hedging.js";
import { limits } from "./limits/limits.js";
import { locality } from "./locality/locality.js";
import { retries } from "./retries/retries.js";
import { timeouts } from "./timeouts/timeouts.js";

/** Every aspect, by the field that holds it. A new one is a folder and a line here. */
export const aspects = {
  locality,
  balancing,
  circuitBreaker,
  retries,
  hedging,
  limits,
  timeouts,
  healthChecks,
  connections,
  accessLog,
} as const;

type Aspects = typeof aspects;

/** The settings of traffic to one service, resolved. Times in milliseconds. */
export type TrafficSettings = { readonly [K in keyof Aspects]: Aspects[K]["defaults"] };

/** The fields that `MeshDefaults` and `Service` documents have in common. */
export const trafficFields = Object.fromEntries(Object.entries(aspects).map(([name, { schema }]) => [name, schema.optional()])) as {
  readonly [K in keyof Aspects]: z.ZodOptional<Aspects[K]["schema"]>;
};

/** What a document says of traffic. */
export type TrafficFields = { readonly [K in keyof Aspects]?: z.output<Aspects[K]["schema"]> | undefined };

/** What holds for every service until an operator or the service itself says otherwise: DESIGN §5, REQUIREMENTS R4 and R5. */
export const defaultSettings = Object.fromEntries(
  Object.entries(aspects).map(([name, { defaults }]) => [name, defaults]),
) as unknown as TrafficSettings;

/** Fields that say the same as another one, which they are read as. */
export const synonyms = { "circuitBreaker.timeout": "timeouts.request" } as const;

/** `below` with what was written put over it, aspect by aspect. */
export function putOver(written: TrafficFields, below: TrafficSettings): TrafficSettings {
  const timeout = written.circuitBreaker?.timeout;
  const fields: TrafficFields = timeout === undefined ? written : { ...written, timeouts: { request: timeout, ...written.timeouts } };
  const put = Object.entries(aspects).map(([name, one]) => {
    const key = name as keyof Aspects;
    const said = fields[key];
    return [key, said === undefined ? below[key] : (one as Aspect<z.ZodType, unknown>).over(said, below[key])];
  });
  return Object.fromEntries(put) as TrafficSettings;
}

/** Says where a document says one thing in two places, or asks for what another of its fields makes impossible. */
export function contradictions({
  circuitBreaker,
  timeouts,
  hedging,
  retries,
}: TrafficFields): readonly { path: string[]; message: string }[] {
  const found: { path: string[]; message: string }[] = [];
  const say = (path: string[], message: string) => found.push({ path, message });
  if (circuitBreaker?.timeout !== undefined && timeouts?.request !== undefined)
    say(["circuitBreaker", "timeout"], "timeouts.request says it already. Keep one of the two");
  if (hedging?.enabled && (timeouts?.perTry === undefined || milliseconds(timeouts.perTry) === 0))
    say(["hedging", "enabled"], "the second try is sent when timeouts.perTry has passed, which is not written here. Write it beside this");
  if (hedging?.enabled && retries?.attempts === 0)
    say(["hedging", "enabled"], "the second try is a retry, and retries.attempts: 0 allows none. Allow 1 or more");
  return found;
}
