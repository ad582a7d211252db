/** What the agent's API tells of its instance; also the source of the reports to the control plane. */
import type { ReportedBreaker, ReportedLoad, ServiceState } from "@legation/contract";
import type { CallersState } from "./callers.js";
import type { ChannelState } from "./channel/channel.js";
import type { EnvoyState } from "./envoy/runner.js";
import { type HealthStatus, healthStatusOf } from "./health/health-status.js";
import type { MigrationStatus } from "./identity/migration.js";
import type { IdentityStatus } from "./identity/status.js";
import { type Instance, isServing } from "./instance.js";
import type { StepReport } from "./leave/step.js";
import type { RegistrarState } from "./registrar/registrar.js";
import type { Transition } from "./supervisor/state.js";

/** The body of `GET /status`. Times are RFC 3339. */
export interface AgentStatus {
  readonly service: string;
  readonly id: string;
  readonly node: string;
  readonly agentVersion: string;
  readonly state: ServiceState;
  readonly reason: string;
  readonly since: string;
  /** Why an operator keeps it out of service. */
  readonly maintenance?: string;
  /** Whether the callers' proxies have it. */
  readonly callers: CallersState;
  /** Registered, passing and not drained. */
  readonly serving: boolean;
  readonly restartCount: number;
  readonly attempts: number;
  readonly lastRestart?: string;
  readonly lastError?: string;
  readonly health: HealthStatus;
  readonly transitions: readonly (Omit<Transition, "at"> & { readonly at: string })[];
  readonly pids: { readonly agent: number; readonly app?: number; readonly envoy?: number };
  readonly addresses: {
    readonly app: string;
    readonly admin: string;
    readonly inbound?: string;
    readonly outbound?: string;
    readonly envoyAdmin?: string;
  };
  readonly consul: Omit<RegistrarState, "lastHeartbeat"> & { readonly lastHeartbeat?: string };
  /** Its certificate, and (where it is registered) how callers connect. */
  readonly identity: IdentityStatus & Partial<Omit<MigrationStatus, "since"> & { readonly since: string }>;
  readonly envoy?: EnvoyState;
  /** How the service answers, in the classes that are reported; absent while there are too few requests to say. */
  readonly load?: ReportedLoad;
  /** The circuit breakers towards the services that it calls, as far as they are not closed. */
  readonly breakers: readonly ReportedBreaker[];
  readonly controlPlane: ChannelState;
  readonly dependencies: { readonly missing: readonly string[] };
  /** The last drain, step by step. */
  readonly leaving: readonly StepReport[];
}

/** Milliseconds since the epoch as RFC 3339. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** What the instance's parts say, as one document. */
export function statusOf(instance: Instance): AgentStatus {
  const { config, addresses, supervisor, health, envoy, registrar, channel, migration, node, agentVersion, stateDir } = instance;
  const { service, values } = config;
  const { state } = supervisor;
  const { lastHeartbeat, ...consul } = registrar?.state ?? { registered: false, compared: false, published: false };
  const envoyState = envoy?.runner.state;
  const load = instance.figures.load();
  const withEnvoy = values.envoy.enabled
    ? { inbound: addresses.inbound, outbound: addresses.outbound, envoyAdmin: addresses.envoyAdmin }
    : {};
  return {
    service: service.name,
    id: service.id,
    node,
    agentVersion,
    state: state.phase,
    reason: state.reason,
    since: timestamp(state.since),
    ...(stateDir.kept.maintenance === undefined ? {} : { maintenance: stateDir.kept.maintenance }),
    callers: instance.callers?.state ?? { phase: "out", outcome: "the agent starts" },
    serving: isServing(instance),
    restartCount: state.restarts,
    attempts: state.attempts,
    ...(state.lastRestart === undefined ? {} : { lastRestart: timestamp(state.lastRestart) }),
    ...(state.lastError === undefined ? {} : { lastError: state.lastError }),
    health: healthStatusOf(health),
    transitions: supervisor.transitions.map((transition) => ({ ...transition, at: timestamp(transition.at) })),
    pids: {
      agent: process.pid,
      ...(supervisor.pid === undefined ? {} : { app: supervisor.pid }),
      ...(envoyState?.pid === undefined ? {} : { envoy: envoyState.pid }),
    },
    addresses: { app: `${service.host}:${service.port}`, admin: addresses.admin, ...withEnvoy },
    consul: { ...consul, ...(lastHeartbeat === undefined ? {} : { lastHeartbeat: timestamp(lastHeartbeat) }) },
    identity: { ...instance.identity.status, ...(migration ? { ...migration.status, since: timestamp(migration.status.since) } : {}) },
    ...(envoyState ? { envoy: envoyState } : {}),
    ...(load ? { load } : {}),
    breakers: instance.figures.breakers(),
    controlPlane: channel?.state ?? { listening: false },
    dependencies: { missing: instance.missing },
    leaving: instance.steps.reports,
  };
}
