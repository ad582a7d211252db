/** What an agent and a control plane say to each other: reports up by POST, commands down by an event stream. */
import type { ReportedBreaker, ReportedCall, ReportedLoad } from "./figures.js";

/** The states of a supervised service, as REQUIREMENTS R7 names them. */
export const serviceStates = [
  "pending",
  "waiting",
  "starting",
  "running",
  "unhealthy",
  "draining",
  "stopping",
  "stopped",
  "backing_off",
  "failed",
  "unknown",
] as const;
/** One of `serviceStates`. */
export type ServiceState = (typeof serviceStates)[number];

/** The levels of a service's health, as REQUIREMENTS R2 names them. */
export const healthLevels = ["HEALTHY", "DEGRADED", "UNHEALTHY", "UNKNOWN"] as const;
/** One of `healthLevels`. */
export type HealthLevel = (typeof healthLevels)[number];

/** The windows over which an agent counts uptime. */
export const uptimeWindows = ["1h", "24h", "7d"] as const;

/** How a service's checks stand, in figures that have always the same size. */
export interface ReportedHealth {
  readonly level: HealthLevel;
  /** The cause of the level; at most `reportedTextLength` characters. */
  readonly message: string;
  /** In a row, of the check that has the most. */
  readonly consecutiveFailures: number;
  /** Of the check that was looked at last: when, RFC 3339, and how long its answer took, milliseconds. Absent before the first look. */
  readonly lastCheck?: string;
  readonly responseTimeMs?: number;
  /** Percent of the time in which an agent watched; a window without any is absent. */
  readonly uptime: Readonly<Partial<Record<(typeof uptimeWindows)[number], number>>>;
}

/** Characters of a text in a report, at most. */
export const reportedTextLength = 1_000;

/** Calls that intentions refused, by caller and rule. */
export interface ReportedDenial {
  /** The name of the calling service, or what its certificate says instead. */
  readonly caller: string;
  /** As Envoy names it: `web=>orders`, `default`, … */
  readonly rule: string;
  readonly count: number;
}

/** Rows of refused calls in a report, at most; what is more is counted in a row of `deniedOthers`. */
export const reportedDenials = 20;

/** The caller and the rule of the row that stands for all that have none of their own. */
export const deniedOthers = "others";

/** What became of HTTP requests through an instance's Envoy, in both directions, since that Envoy's start. */
export interface ReportedAnswers {
  /** All that are over. */
  readonly requests: number;
  /** Those that were answered with 5xx. */
  readonly failures: number;
}

/** What stands between an instance and its traffic, as its agent sees it. */
export interface ReportedStanding {
  /** Consul has its registration as the agent wants it; absent where the agent registers nothing. */
  readonly registered?: boolean;
  /** Why Consul cannot be used, or does not take the registration; at most `reportedTextLength` characters. */
  readonly registrationProblem?: string;
  /** Its Envoy, and why it is in this phase; absent without one. The version as `1.40.0`; absent until it has been asked. */
  readonly envoy?: { readonly phase: EnvoyPhase; readonly reason: string; readonly version?: string };
  /** The words with which an operator holds it in maintenance. */
  readonly maintenance?: string;
  /** Why it is held back until callers can connect to it as its identity mode asks. */
  readonly withheld?: string;
}

/** How far an instance's Envoy is. */
export const envoyPhases = ["down", "starting", "live"] as const;
/** One of `envoyPhases`. */
export type EnvoyPhase = (typeof envoyPhases)[number];

/** What an agent tells of its service, whenever something changes and every `reportInterval` besides. */
export interface AgentReport {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  readonly agentVersion: string;
  readonly state: ServiceState;
  /** Why it is in this state; for `waiting`, what it waits for. At most `reportedTextLength` characters; absent from an agent of an earlier version, as are `since` and `standing`. */
  readonly reason?: string;
  /** Since when it is in this state, RFC 3339. */
  readonly since?: string;
  readonly standing?: ReportedStanding;
  /** How long the service waited for its required dependencies when this agent started it; milliseconds. */
  readonly dependencyWaitMs?: number;
  readonly restartCount: number;
  /** RFC 3339. */
  readonly lastRestart?: string;
  readonly lastError?: string;
  /** Absent from an agent that does not tell it. */
  readonly health?: ReportedHealth;
  /** Since the last report that a control plane took; absent when there were none. Those of `shadow` are not among them. */
  readonly denied?: readonly ReportedDenial[];
  /** Absent without an Envoy, and until it has been asked. */
  readonly answers?: ReportedAnswers;
  /** How the service answers; absent without an Envoy, and while there are too few requests to say. */
  readonly load?: ReportedLoad;
  /** The breakers of this instance as a caller that are not closed; absent when all are. */
  readonly breakers?: readonly ReportedBreaker[];
  /** Whom this instance calls; absent without an Envoy, and until it has called anybody. */
  readonly calls?: readonly ReportedCall[];
  /** The local admin API of the agent, for people on that machine. */
  readonly admin: string;
}

/** How often an agent reports without a change, and after how many of these a control plane holds it for silent; milliseconds. */
export const reportInterval = 10_000;

/** `POST` here with an AgentReport; answered 202 with a ReportAnswer. */
export const reportPath = "/v1/agents/report";

/** `POST` here with a RoutingNotice before an instance leaves; answered with a RoutingReply once the callers' proxies have dropped it. */
export const leavingPath = "/v1/agents/leaving";

/** `POST` here with a RoutingNotice when an instance serves (again); answered with a RoutingReply once the callers' proxies have it. */
export const arrivingPath = "/v1/agents/arriving";

/** `GET` here with `?node=&id=&service=`; a stream of server-sent events, each of them a Command or, for a named service, an IdentityOrder. */
export const commandsPath = "/v1/agents/commands";

/** An instance goes out of the callers' routing, or comes back into it. */
export interface RoutingNotice {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  /** The answer must come within this time, whoever has not acknowledged by then; milliseconds. `routingLimit` unless given. */
  readonly limitMs?: number;
  /** True when a control plane asks another one: that one answers for its own proxies, and asks nobody. */
  readonly relayed?: boolean;
  /** True when an instance that is out only has its earlier notice held on to: that is no news. */
  readonly again?: boolean;
  /**
   * True on `arrivingPath` when an instance whose registration takes mutual TLS only asks whether each caller's proxy has it with TLS, so that
   * plain text may be refused. Nothing changes in its routing. `accepted` is false while the control plane does not see that registration.
   */
  readonly tls?: boolean;
}

/** How long a notice of leaving holds, whatever else an agent reports, without Consul showing anything; milliseconds. An agent tells it again in time, as long as its instance is out. */
export const leavingLimit = 60_000;

/** `limitMs` of a RoutingNotice that names none, and the largest that is taken; milliseconds. */
export const routingLimit = { default: 10_000, max: 60_000 } as const;

/** What became of a RoutingNotice: the proof that no proxy sends the instance new requests (that all do), or the names of those in doubt. */
export interface RoutingReply {
  /** A control plane has the instance, and gives it to the callers as the notice says. False: it is not in their routing at all. */
  readonly accepted: boolean;
  /** The proxies that subscribe to the service, at all control planes that answered. */
  readonly subscribers: number;
  /** The proxies (`<Consul node>/<service id>`) that had not acknowledged at the limit; the first `laggardsNamed` of them. */
  readonly laggards: readonly string[];
  /** Of the laggards of a notice with `tls` those that have no certificate: they call in plain text, however long they are waited for. */
  readonly withoutCertificate?: readonly string[];
  /** Control planes that answered. */
  readonly replicas: number;
  /** Control planes that did not, each with the reason: what their proxies hold is not known. */
  readonly silent: readonly string[];
  /** Which control plane answers; told apart by this where several share an address. */
  readonly replica: string;
}

/** Laggards that a RoutingReply names at most. */
export const laggardsNamed = 1_000;
