/** The service's definition as the rest of the agent uses it: complete, checked, with every default worked out. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { type Dependency, dependencyOf, encodeMeta, type Protocol, splitAddress } from "@legation/contract";
import { ConfigError, formatAddress } from "@legation/runtime";
import type { HostPort } from "../envoy/bootstrap.js";
import type { Check } from "../health/check.js";
import { ownKeys } from "../registrar/registration.js";
import { checkProblems, checksOf } from "./checks.js";
import { dependencyProblems, portProblems, type Surroundings } from "./dependencies.js";
import type { AgentValues } from "./options.js";
import { isLoopback, metaProblems } from "./rules.js";

/** What is registered. Times in milliseconds. */
export interface ServiceDefinition {
  readonly name: string;
  readonly id: string;
  readonly version?: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly dependencies: readonly Dependency[];
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly region?: string;
  readonly zone?: string;
  readonly wishes: Readonly<Record<string, string>>;
  readonly heartbeat: number;
  readonly deregisterAfter: number;
  /** `host:port` at which Prometheus finds the metrics page. */
  readonly metrics?: string;
}

/** The configuration with its defaults worked out. */
export interface AgentConfig {
  readonly service: ServiceDefinition;
  readonly values: AgentValues;
  readonly stateDir: string;
  readonly outsiders: number;
  /** Where the application is reached from this machine. */
  readonly app: HostPort;
  /** At least one. */
  readonly checks: readonly Check[];
  /** Where Envoy accepts what is meant for the service; port 0 is to be picked. */
  readonly inbound: string;
  /** The host under which others reach what listens on `host`: itself, or the machine's address for 0.0.0.0 and ::. */
  readonly advertised: (host: string) => string;
  /** At least one. */
  readonly controlPlanes: readonly HostPort[];
}

/** What the definition takes from the machine. */
export interface Machine {
  readonly hostname: string;
  readonly home?: string;
  /** As `os.networkInterfaces()` gives them. */
  readonly interfaces?: NodeJS.Dict<readonly { readonly address: string; readonly family: string; readonly internal: boolean }[]>;
}

/**
 * Checks what no single option can check and works out the defaults. Throws a ConfigError with every problem, each named by the place where
 * the value was written.
 */
export function defineAgent(values: AgentValues, origins: Readonly<Record<string, string>>, machine: Machine): AgentConfig {
  const problems: string[] = [];
  const at = (path: string): string => {
    const origin = origins[path] ?? "default";
    return origin === "default" ? path : origin.startsWith("--") || /^[A-Z_]+$/.test(origin) ? origin : `${origin}: ${path}`;
  };
  const { name, port } = values;
  const inbound = values.envoy.inbound ?? formatAddress(values.host, defaultInboundPort);
  const dependencies = values.dependencies.map(dependencyOf);
  const flaws = [...dependencyProblems(values.dependencies, name), ...portProblems(dependencies, takenBy(values, inbound))];
  problems.push(...flaws.map((problem) => `${at("dependencies")}: ${problem}`));
  const controlPlanes = values.controlPlane.xds.flatMap((address) => splitAddress(address) ?? []);
  if (controlPlanes.length < Math.max(1, values.controlPlane.xds.length))
    problems.push(`${at("controlPlane.xds")}: each control plane needs a port of 1 or more, and there must be one. Write host:18000.`);
  for (const url of values.controlPlane.api)
    if (!isHttpUrl(url)) problems.push(`${at("controlPlane.api")}: ${JSON.stringify(url)} is not a URL. Write http://127.0.0.1:8080.`);
  if (values.controlPlane.api.length === 0) problems.push(`${at("controlPlane.api")}: there is no control plane. Name at least one.`);

  problems.push(...checkProblems(values.health, at));

  const own = ownAddress(machine);
  const advertised = (host: string): string => (isWildcard(host) ? own : host);
  const bound = isWildcard(values.host) ? "127.0.0.1" : values.host;
  const service: ServiceDefinition = {
    name,
    id: values.id ?? `${name}-${machine.hostname.replaceAll(/[^A-Za-z0-9.-]/g, "-")}-${port}`,
    ...(values.version ? { version: values.version } : {}),
    host: advertised(values.host),
    port,
    protocol: values.protocol,
    tags: values.tags,
    meta: values.meta,
    dependencies,
    weights: values.weights,
    ...(values.region ? { region: values.region } : {}),
    ...(values.zone ? { zone: values.zone } : {}),
    wishes: wishesOf(values, origins),
    heartbeat: values.heartbeat,
    deregisterAfter: values.deregisterAfter,
    ...metricsAt(values.metricsAddress, advertised),
  };
  const keys = Object.keys(encodeMeta({ ...service, user: {} })).length + ownKeys;
  problems.push(...metaProblems(values.meta, keys).map((problem) => `${at("meta")}: ${problem}`));
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    service,
    values,
    stateDir: resolve(values.stateDir ?? join(machine.home ?? homedir(), ".local", "state", "legation", service.id)),
    outsiders: values.drain.outsiders ?? (isLoopback(service.host) ? 0 : 5_000),
    app: { host: bound, port },
    checks: checksOf(values.health, { host: bound, port }),
    inbound,
    advertised,
    controlPlanes,
  };
}

function metricsAt(address: string | undefined, advertised: (host: string) => string): Pick<ServiceDefinition, "metrics"> {
  const at = splitAddress(address ?? "");
  return at ? { metrics: formatAddress(advertised(at.host), at.port) } : {};
}

/** What the ports of dependencies have to leave alone. */
function takenBy({ host, port, envoy, admin, metricsAddress }: AgentValues, inbound: string): Surroundings {
  return {
    host: splitAddress(envoy.outbound)?.host ?? envoy.outbound.slice(0, envoy.outbound.lastIndexOf(":")),
    envoy: envoy.enabled,
    taken: [
      { setting: "port", address: formatAddress(host, port) },
      { setting: "envoy.inbound", address: inbound },
      { setting: "envoy.outbound", address: envoy.outbound },
      { setting: "envoy.admin", address: envoy.admin },
      { setting: "admin", address: admin },
      ...(metricsAddress ? [{ setting: "metricsAddress", address: metricsAddress }] : []),
    ],
  };
}

function isHttpUrl(address: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

/** The wishes, by the keys that follow `legation-wish-` in the registration; only what somebody has set is a wish. */
function wishesOf(values: AgentValues, origins: Readonly<Record<string, string>>): Record<string, string> {
  const wishes: Record<string, string> = {};
  if (values.balancing !== undefined) wishes["balancing"] = values.balancing;
  if (values.circuitBreaker.failureThreshold !== undefined) wishes["failure-threshold"] = String(values.circuitBreaker.failureThreshold);
  if ((origins["health.interval"] ?? "default") !== "default") wishes["health-interval"] = String(values.health.interval);
  return wishes;
}

const defaultInboundPort = 20_000;

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "[::]";
}

function ownAddress({ interfaces = {} }: Machine): string {
  const outside = Object.values(interfaces).flatMap((addresses) => addresses?.filter(({ internal }) => !internal) ?? []);
  return (outside.find(({ family }) => family === "IPv4") ?? outside[0])?.address ?? "127.0.0.1";
}
