/** How often Consul hears of an instance, and how patiently it is asked again where it does not answer. */
import { type Backoff, createBackoff } from "@legation/runtime";
import type { AgentConfig } from "../config/definition.js";

const firstRetryMs = 250;
const longestRetryMs = 5_000;

/** How long the last step of a registration may take, milliseconds. */
export const deregisterMs = 5_000;

/** Between one attempt and the next: never longer than from heartbeat to heartbeat. */
export function retriesOf({ heartbeat }: Pick<AgentConfig["values"], "heartbeat">): Backoff {
  return createBackoff({ base: firstRetryMs, max: Math.min(longestRetryMs, heartbeat) });
}

/** What a registrar is to be told of it; a change that somebody else made is found before the next heartbeat. */
export function paceOf(values: Pick<AgentConfig["values"], "heartbeat" | "consul">): {
  readonly heartbeat: number;
  readonly compare: number;
  readonly backoff: Backoff;
} {
  const { heartbeat, consul } = values;
  return { heartbeat, compare: Math.min(consul.compare, heartbeat), backoff: retriesOf(values) };
}
