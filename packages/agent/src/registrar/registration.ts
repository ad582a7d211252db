/** From the service's definition to its registration in Consul (DESIGN §4). Pure. */
import { createHash } from "node:crypto";

import type { CheckState, Registration } from "@legation/consul";
import { agentCheckPrefix, encodeMeta, meshAddressTag, type TlsState } from "@legation/contract";
import type { ServiceDefinition } from "../config/definition.js";
import { heartbeatCheckId, ownerKey } from "./ownership.js";

/** What a check says at the moment. `output` is stable text: it changes only together with the status. */
export interface CheckReport {
  readonly status: CheckState;
  readonly output: string;
}

/** The state of each health check, by its name. */
export type CheckReports = Readonly<Record<string, CheckReport>>;

/** What the heartbeat check says while the agent lives. */
export const heartbeatReport: CheckReport = { status: "passing", output: "the agent is alive" };

/**
 * The `Meta` key with a digest of the checks: Consul's agent does not tell which checks a service was registered with, nor their TTL, and
 * one that is no more would lapse and take the instance out.
 */
const checksKey = "legation-checks";

/** How many keys of the `Meta` are the agent's own marks: its owner, its checks and what it takes of TLS. */
export const ownKeys = 3;

/** The id of a health check in Consul. */
export function healthCheckId(serviceId: string, name: string): string {
  return `${agentCheckPrefix}${serviceId}:${name}`;
}

/** Where this instance is reached, and who registers it. */
export interface Identity {
  /** `<uuid>@<host>`, see ownership. */
  readonly owner: string;
  /** Envoy's inbound address; absent when there is no Envoy. */
  readonly mesh?: { readonly host: string; readonly port: number };
  /** What it takes of mutual TLS there. */
  readonly tls?: TlsState;
}

/**
 * Builds the registration with each check in its given state. All checks lapse after three heartbeats; only the heartbeat reaps. Where
 * mutual TLS is required, the address is Envoy's: the application itself is for this machine alone.
 */
export function registrationOf(service: ServiceDefinition, identity: Identity, reports: CheckReports): Registration {
  const ttl = `${service.heartbeat * 3}ms`;
  const checks = [
    {
      CheckID: heartbeatCheckId(service.id),
      Name: "Heartbeat of the Legation agent",
      TTL: ttl,
      DeregisterCriticalServiceAfter: `${service.deregisterAfter}ms`,
      report: heartbeatReport,
    },
    ...Object.entries(reports).map(([name, report]) => ({
      CheckID: healthCheckId(service.id, name),
      Name: `Health (${name}) as the Legation agent sees it`,
      TTL: ttl,
      report,
    })),
  ];
  const { mesh, tls } = identity;
  const { host, port } = tls === "required" && mesh ? mesh : service;
  return {
    ID: service.id,
    Name: service.name,
    Address: host,
    Port: port,
    Tags: service.tags,
    Meta: encodeMeta({
      ...(service.version ? { version: service.version } : {}),
      protocol: service.protocol,
      ...(service.region ? { region: service.region } : {}),
      ...(service.zone ? { zone: service.zone } : {}),
      dependencies: service.dependencies,
      ...(tls ? { tls } : {}),
      ...(service.metrics ? { metrics: service.metrics } : {}),
      wishes: service.wishes,
      user: { ...service.meta, [ownerKey]: identity.owner, [checksKey]: digestOf(checks.map(({ report: _report, ...check }) => check)) },
    }),
    ...(mesh ? { TaggedAddresses: { [meshAddressTag]: { Address: mesh.host, Port: mesh.port } } } : {}),
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
    Checks: checks.map(({ report, ...check }) => ({ ...check, Status: report.status })),
  };
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
