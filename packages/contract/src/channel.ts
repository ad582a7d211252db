/** What an agent and a control plane say to each other: reports up by POST, commands down by an event stream. */

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

/** What an agent tells of its service, whenever something changes and every `reportInterval` besides. */
export interface AgentReport {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  readonly agentVersion: string;
  readonly state: ServiceState;
  readonly restartCount: number;
  /** RFC 3339. */
  readonly lastRestart?: string;
  readonly lastError?: string;
  /** The local admin API of the agent, for people on that machine. */
  readonly admin: string;
}

/** How often an agent reports without a change, and after how many of these a control plane holds it for silent; milliseconds. */
export const reportInterval = 10_000;

/** `POST` here with an AgentReport; answered 202. */
export const reportPath = "/v1/agents/report";

/** `POST` here with a LeavingNotice before an instance leaves; answered with a LeavingReply. */
export const leavingPath = "/v1/agents/leaving";

/** `GET` here with `?node=&id=`; a stream of server-sent events, each of them a Command. */
export const commandsPath = "/v1/agents/commands";

/** The instance is about to stop: give it no new requests. */
export interface LeavingNotice {
  readonly node: string;
  readonly id: string;
  readonly service: string;
}

/** The control plane has marked the endpoint DRAINING (`accepted`), or does not know the instance. */
export interface LeavingReply {
  readonly accepted: boolean;
  /** The proxies that subscribe to the service at this replica. */
  readonly subscribers: number;
}

/** What a control plane asks an agent to do. */
export interface Command {
  readonly id: string;
  readonly kind: "restart" | "check-now" | "drain" | "undrain";
  readonly force?: boolean;
}
