/** What of the traffic settings the clients of gRPC do not follow, where an application calls through them without an Envoy. */
import { isGrpcCode, type RetryCondition } from "./retries/retry-condition.js";
import { defaultSettings, type TrafficSettings } from "./settings.js";

/** Attempts beside the first that gRPC makes at most, whatever is asked of it (proposal A6). */
const mostRetries = 4;

/** Why a setting is not followed; undefined where it is, or where it concerns no caller's resources. By the path, or the beginning of it. */
type Reason = (settings: TrafficSettings) => string | undefined;

const followed: Reason = () => undefined;
const withoutCodes =
  "they repeat by themselves what no server has seen, and else only calls that failed with a code of gRPC which retries.on names";
const namesCodes = ({ retries }: TrafficSettings) => retries.on.some(isGrpcCode);
const known = (condition: RetryCondition) =>
  isGrpcCode(condition) || ["connect-failure", "refused-stream", "reset-before-request"].includes(String(condition));

const inARow = "they do not count failures in a row";
const judgesShares = ({ circuitBreaker: { successRate, failurePercentage } }: TrafficSettings) =>
  successRate.enforce + failurePercentage.enforce > 0;

const reasons: Readonly<Record<string, Reason>> = {
  "limits.requests": followed,
  limits: () => "of the limits they keep that of requests only",
  "timeouts.stream": followed,
  "timeouts.request": () => "a call has the deadline that the application sets, up to timeouts.stream",
  timeouts: () => "they know timeouts.stream only",
  "retries.on": ({ retries }) => (retries.on.every(known) ? undefined : withoutCodes),
  "retries.attempts": ({ retries, ...all }) => {
    if (retries.attempts > mostRetries) return `they try ${mostRetries + 1} times at most`;
    return retries.attempts === 0 || namesCodes({ retries, ...all }) ? undefined : withoutCodes;
  },
  "retries.backoff.base": (settings) => (namesCodes(settings) ? undefined : withoutCodes),
  "retries.backoff.max": (settings) => (namesCodes(settings) ? undefined : withoutCodes),
  "balancing.strategy": ({ balancing }) =>
    balancing.strategy === "ring_hash" || balancing.strategy === "round_robin"
      ? undefined
      : "they take turns with the instances of a zone, whatever the strategy and the weights of instances are, or go by ring_hash",
  "balancing.hashOn": ({ balancing: { strategy, hashOn } }) =>
    strategy === "ring_hash" && hashOn.every((source) => "header" in source) ? undefined : "they know ring_hash by headers only",
  "locality.overprovisioning": () => "they leave a region only when none of its instances answers",
  locality: followed,
  "circuitBreaker.successThreshold": followed,
  "circuitBreaker.monitoringPeriod": followed,
  "circuitBreaker.successRate": followed,
  "circuitBreaker.failurePercentage": followed,
  ...Object.fromEntries(
    ["recoveryTimeout", "maxEjectionTime", "maxEjection", "interval", "whenAllFail"].map((field) => [
      `circuitBreaker.${field}`,
      (settings: TrafficSettings) => (judgesShares(settings) ? undefined : inARow),
    ]),
  ),
  circuitBreaker: () => inARow,
  hedging: () => "they send a call once until it has failed",
  healthChecks: () => "they do not ask",
  "connections.appIdleTimeout": followed,
  connections: () => "they look after their connections themselves",
  accessLog: followed,
};

const unknown: Reason = () => "they do not know it";

/** The settings beside the built-in ones that these clients do not follow, each with the reason, in words. */
export function unsupportedByGrpc(settings: TrafficSettings): readonly string[] {
  const defaults = pathsOf(defaultSettings);
  const changed = [...pathsOf(settings)].filter(([path, value]) => value !== defaults.get(path)).map(([path]) => path);
  return changed.flatMap((path) => {
    const why = reasonFor(path)(settings);
    return why === undefined ? [] : [`gRPC clients without an Envoy do not follow ${path}: ${why}`];
  });
}

/** The one for the longest beginning of the path. */
function reasonFor(path: string): Reason {
  const found = reasons[path];
  if (found) return found;
  const end = path.lastIndexOf(".");
  return end < 0 ? unknown : reasonFor(path.slice(0, end));
}

/** Every value by its path; lists are values. */
function pathsOf(value: unknown, path = ""): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null) return new Map([[path, value]]);
  if (Array.isArray(value)) return new Map([[path, JSON.stringify(value)]]);
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...pathsOf(inner, path ? `${path}.${key}` : key)]));
}
