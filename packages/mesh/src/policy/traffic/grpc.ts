/** What of the traffic settings the clients of gRPC do not follow, where an application calls through them without an Envoy. */
import { defaultSettings, type TrafficSettings } from "./settings.js";

/** Settings by their path. */
type Paths = ReadonlyMap<string, unknown>;

/** What reaches these clients as it was written. */
const followed = new Set(["limits.requests"]);

/** What concerns no caller's resources: it is shown, or is for the service's own proxies. */
const elsewhere = new Set([
  "circuitBreaker.successThreshold",
  "circuitBreaker.monitoringPeriod",
  "accessLog.path",
  "connections.appIdleTimeout",
]);

/** Why a setting does not, by the beginning of its path; the first that fits. */
const reasons: readonly (readonly [path: string, why: string])[] = [
  ["balancing.strategy", "they take turns with the instances of a zone, whatever the strategy and the weights of instances are"],
  ["balancing", "they do not know it"],
  ["circuitBreaker", "they do not count failures in a row"],
  ["timeouts.request", "a call has the deadline that the application sets"],
  ["retries", "they repeat by themselves what no server has seen, and nothing else"],
  ["limits", "of the limits they keep that of requests only"],
  ["connections", "they look after their connections themselves"],
];

/** The settings beside the built-in ones that these clients do not follow, each with the reason, in words. */
export function unsupportedByGrpc(settings: TrafficSettings): readonly string[] {
  const defaults = pathsOf(defaultSettings);
  const changed = [...pathsOf(settings)].filter(([path, value]) => value !== defaults.get(path)).map(([path]) => path);
  const unheard = changed.filter((path) => !followed.has(path) && !elsewhere.has(path));
  return unheard.map((path) => {
    const [, why] = reasons.find(([start]) => path === start || path.startsWith(`${start}.`)) ?? ["", "they do not know it"];
    return `gRPC clients without an Envoy do not follow ${path}: ${why}`;
  });
}

function pathsOf(value: unknown, path = ""): Paths {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return new Map([[path, typeof value === "object" ? JSON.stringify(value) : value]]);
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...pathsOf(inner, path ? `${path}.${key}` : key)]));
}
