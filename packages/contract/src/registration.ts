/** How a service and its instance are written in Consul's registry, and read back from it. */
import { type Dependency, dependencyOf, dependencyWord } from "./dependency.js";
import { type TlsState, tlsStates } from "./identity.js";

/** The protocols that a service may speak behind its port. */
export const protocols = ["http", "http2", "grpc", "tcp"] as const;
/** One of `protocols`. */
export type Protocol = (typeof protocols)[number];

/** What Legation keeps in a registration's `Meta`, beyond what the user wrote there. */
export interface RegistrationMeta {
  readonly version?: string;
  readonly protocol: Protocol;
  readonly region?: string;
  readonly zone?: string;
  readonly dependencies: readonly Dependency[];
  /** Mutual TLS at the instance's mesh address; plain text alone without it. */
  readonly tls?: TlsState;
  /** `host:port` at which the agent serves its metrics page; absent where only its own machine reaches it. */
  readonly metrics?: string;
  /** The service's own wishes, below any operator's policy: `LOAD_BALANCING_STRATEGY`, `CIRCUIT_BREAKER_THRESHOLD`, … */
  readonly wishes: Readonly<Record<string, string>>;
  /** The user's own keys. */
  readonly user: Readonly<Record<string, string>>;
}

/** The reason that marks a draining instance in Consul's service maintenance. */
export const drainingReason = "legation:draining";

/** The reason that marks an instance which an operator has put into maintenance over the agent; `why` are the operator's words. */
export function operatorReason(why: string): string {
  return `legation:maintenance: ${why}`;
}

/** The ID of the health check by which Consul puts a service instance into maintenance. */
export function maintenanceCheckId(serviceId: string): string {
  return `_service_maintenance:${serviceId}`;
}

/** What the IDs of the checks begin with that agents keep themselves, by TTL. They say with each status why. */
export const agentCheckPrefix = "legation:";

/** The name under which an instance's Envoy inbound address stands in `TaggedAddresses`. */
export const meshAddressTag = "mesh";

/** The name under which control planes register themselves. */
export const controlPlaneService = "legation-control-plane";

/** The key in a control plane's `Meta` that is `true` while its API and its xDS are served by TLS too, on the same ports. */
export const controlPlaneTlsKey = "tls";

/** Consul's bounds on `Meta`: at most 64 keys, keys of at most 128 and values of at most 512 bytes. */
export const metaLimits = { keys: 64, keyBytes: 128, valueBytes: 512 } as const;

const wishPrefix = "legation-wish-";
const tlsKey = "legation-tls";
const metricsKey = "legation-metrics";
const dependencyPrefix = "legation-dep-";
const dependencyKey = new RegExp(`^${dependencyPrefix}\\d{1,2}$`);

/** True for the four protocols that a registration may name. */
export function isProtocol(value: string): value is Protocol {
  return (protocols as readonly string[]).includes(value);
}

/**
 * Writes a registration's `Meta`. Dependencies are packed into `legation-dep-0`, `-1`, … as comma-separated names with `?`
 * behind an optional one, and without their ports, which concern nobody else; each value is within Consul's 512 bytes. The caller checks `metaLimits` over the user's keys.
 */
export function encodeMeta(meta: RegistrationMeta): Record<string, string> {
  const out: Record<string, string> = { ...meta.user, protocol: meta.protocol };
  if (meta.version) out["version"] = meta.version;
  if (meta.region) out["region"] = meta.region;
  if (meta.zone) out["zone"] = meta.zone;
  if (meta.tls) out[tlsKey] = meta.tls;
  if (meta.metrics) out[metricsKey] = meta.metrics;
  for (const [key, value] of Object.entries(meta.wishes)) out[wishPrefix + key] = value;
  packed(meta.dependencies).forEach((value, i) => {
    out[dependencyPrefix + i] = value;
  });
  return out;
}

function packed(dependencies: readonly Dependency[]): string[] {
  const values: string[] = [];
  let current = "";
  for (const { name, optional } of dependencies) {
    const word = dependencyWord({ name, optional });
    const joined = current ? `${current},${word}` : word;
    if (current && utf8Length(joined) > metaLimits.valueBytes) {
      values.push(current);
      current = word;
    } else current = joined;
  }
  if (current) values.push(current);
  return values;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

/** Reads a registration's `Meta`, whoever wrote it. Unknown protocols and broken lists read as defaults, never as an error. */
export function decodeMeta(meta: Readonly<Record<string, string>>): RegistrationMeta {
  const user: Record<string, string> = {};
  const wishes: Record<string, string> = {};
  const lists: [number, string][] = [];
  for (const [key, value] of Object.entries(meta)) {
    if (dependencyKey.test(key)) lists.push([Number(key.slice(dependencyPrefix.length)), value]);
    else if (key.startsWith(wishPrefix)) wishes[key.slice(wishPrefix.length)] = value;
    else if (!["version", "protocol", "region", "zone", tlsKey, metricsKey].includes(key)) user[key] = value;
  }
  const words = lists.sort(([a], [b]) => a - b).flatMap(([, value]) => value.split(","));
  const protocol = meta["protocol"] ?? "";
  const tls = tlsStates.find((state) => state === meta[tlsKey]);
  return {
    ...(meta["version"] ? { version: meta["version"] } : {}),
    ...(meta["region"] ? { region: meta["region"] } : {}),
    ...(meta["zone"] ? { zone: meta["zone"] } : {}),
    protocol: isProtocol(protocol) ? protocol : "http",
    dependencies: words.map(dependencyOf).filter(({ name }) => name !== ""),
    ...(tls ? { tls } : {}),
    ...(meta[metricsKey] ? { metrics: meta[metricsKey] } : {}),
    wishes,
    user,
  };
}
