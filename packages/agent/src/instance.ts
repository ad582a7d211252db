/** One service instance as the agent holds it: its parts, each of which does its own work. */
import type { Clock, Logger } from "@legation/runtime";
import type { Callers } from "./callers.js";
import type { Channel } from "./channel/channel.js";
import type { AgentConfig } from "./config/definition.js";
import type { Answered } from "./envoy/answered.js";
import type { Envoy } from "./envoy/setup.js";
import type { Figures } from "./figures/figures.js";
import type { Health } from "./health/health.js";
import type { DeniedCalls } from "./identity/denied-calls.js";
import type { Identity } from "./identity/identity.js";
import type { Migration } from "./identity/migration.js";
import type { Steps } from "./leave/step.js";
import type { Registrar } from "./registrar/registrar.js";
import type { StateDir } from "./state-dir.js";
import type { Supervisor } from "./supervisor/supervisor.js";

/** Where everything listens, `host:port`. */
export interface Addresses {
  /** With a path behind the port where several instances share one API. */
  readonly admin: string;
  readonly inbound: string;
  readonly outbound: string;
  readonly envoyAdmin: string;
}

/** The parts. Those that may be undefined come into being while the agent starts, or never where they are switched off. */
export interface Instance {
  /** What is in effect now. */
  config: AgentConfig;
  readonly addresses: Addresses;
  readonly agentVersion: string;
  readonly stateDir: StateDir;
  readonly clock: Clock;
  readonly log: Logger;
  readonly supervisor: Supervisor;
  readonly health: Health;
  /** Consul's node; "" until it is known. */
  node: string;
  /** Who the instance is to its peers, and where its certificate lies. */
  readonly identity: Identity;
  /** The calls that this instance's Envoy refused. */
  readonly denied: DeniedCalls;
  /** What became of the requests through this instance's Envoy. */
  readonly answered: Answered;
  /** How the service answers, and the breakers towards those that it calls. */
  readonly figures: Figures;
  envoy: Envoy | undefined;
  registrar: Registrar | undefined;
  channel: Channel | undefined;
  callers: Callers | undefined;
  /** Between plain text and mutual TLS; absent where it is not registered. */
  migration: Migration | undefined;
  /** Required dependencies that are waited for. */
  missing: readonly string[];
  /** How long the service waited for these before this agent started it; milliseconds. Absent until it has. */
  dependencyWaitMs?: number;
  /** The last drain or stop. */
  steps: Steps;
}

/** True when callers are given this instance: its service is healthy, and (where it is registered) Consul says so. */
export function isServing({ supervisor, health, registrar, envoy, migration, config }: Instance): boolean {
  const { phase } = supervisor.state;
  if (config.values.envoy.enabled && envoy?.runner.state.phase !== "live") return false;
  if (migration?.withheld !== undefined) return false;
  if (phase !== "running" || !supervisor.alive) return false;
  if (health.level !== "HEALTHY" && health.level !== "DEGRADED") return false;
  return !config.values.discovery || registrar?.state.published === true;
}

/** True unless Consul is known to name this instance to nobody. While Consul has not answered yet, callers may go by what it said before. */
export function isNamed({ registrar }: Instance): boolean {
  return registrar !== undefined && (registrar.state.registered || !registrar.state.compared);
}
