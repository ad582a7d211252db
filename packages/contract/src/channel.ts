/** What an agent and a control plane say to each other: reports up by POST, commands down by an event stream. */
import type { agentReport, reportedAnswers, reportedDenial, reportedHealth, reportedStanding } from "./api/agent-report.js";
import type { routingNotice, routingReply } from "./api/routing.js";
import type { View } from "./api/view.js";

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

/** See the schema of the same name in `api/agent-report.ts`. */
export type ReportedHealth = View<typeof reportedHealth>;

/** Characters of a text in a report, at most. */
export const reportedTextLength = 1_000;

/** See `api/agent-report.ts`. */
export type ReportedDenial = View<typeof reportedDenial>;

/** Rows of refused calls in a report, at most; what is more is counted in a row of `deniedOthers`. */
export const reportedDenials = 20;

/** The caller and the rule of the row that stands for all that have none of their own. */
export const deniedOthers = "others";

/** See `api/agent-report.ts`. */
export type ReportedAnswers = View<typeof reportedAnswers>;

/** See `api/agent-report.ts`. */
export type ReportedStanding = View<typeof reportedStanding>;

/** How far an instance's Envoy is. */
export const envoyPhases = ["down", "starting", "live"] as const;
/** One of `envoyPhases`. */
export type EnvoyPhase = (typeof envoyPhases)[number];

/** What an agent tells of its service, whenever something changes and every `reportInterval` besides. */
export type AgentReport = View<typeof agentReport>;

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
export type RoutingNotice = View<typeof routingNotice>;

/** How long a notice of leaving holds, whatever else an agent reports, without Consul showing anything; milliseconds. An agent tells it again in time, as long as its instance is out. */
export const leavingLimit = 60_000;

/** `limitMs` of a RoutingNotice that names none, and the largest that is taken; milliseconds. */
export const routingLimit = { default: 10_000, max: 60_000 } as const;

/** What became of a RoutingNotice: the proof that no proxy sends the instance new requests (that all do), or the names of those in doubt. */
export type RoutingReply = View<typeof routingReply>;

/** Laggards that a RoutingReply names at most. */
export const laggardsNamed = 1_000;
