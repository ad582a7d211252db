/** Who may call whom, as Consul's API tells it: `GET /v1/connect/intentions`, the same list in all versions. */
import type { AgentSelf } from "./agent.js";

/** The list of all intentions; it answers blocking queries. The token needs `intentions = "read"` for all services. */
export const intentionsPath = "/connect/intentions";

/** One row of that list. Consul 1.9 and later write `Permissions` instead of `Action` where requests count. */
export interface IntentionRow {
  readonly SourceNS?: string;
  readonly SourceName: string;
  readonly SourceType?: string;
  readonly SourcePartition?: string;
  readonly SourcePeer?: string;
  readonly SourceSamenessGroup?: string;
  readonly DestinationNS?: string;
  readonly DestinationName: string;
  readonly DestinationPartition?: string;
  readonly Action?: string;
  readonly Permissions?: readonly IntentionPermissionRow[] | null;
  readonly JWT?: unknown;
}

/** A rule for some requests. */
export interface IntentionPermissionRow {
  readonly Action: string;
  readonly HTTP?: {
    readonly PathExact?: string;
    readonly PathPrefix?: string;
    readonly PathRegex?: string;
    readonly Header?: readonly IntentionHeaderRow[] | null;
    readonly Methods?: readonly string[] | null;
  } | null;
  readonly JWT?: unknown;
}

/** What a header must be. `Contains` and `IgnoreCase` come with Consul 1.20. */
export interface IntentionHeaderRow {
  readonly Name: string;
  readonly Present?: boolean;
  readonly Exact?: string;
  readonly Prefix?: string;
  readonly Suffix?: string;
  readonly Contains?: string;
  readonly Regex?: string;
  readonly Invert?: boolean;
  readonly IgnoreCase?: boolean;
}

/**
 * What Consul does with a call that no intention speaks of: `default_intention_policy`, where the agent's configuration has it, or else the
 * default policy of its ACLs. Undefined when the agent does not say.
 */
export function defaultIntention({ DebugConfig: config }: Pick<AgentSelf, "DebugConfig">): "allow" | "deny" | undefined {
  const said = config?.DefaultIntentionPolicy || (config?.ACLResolverSettings?.ACLDefaultPolicy ?? config?.ACLDefaultPolicy);
  if (said === "allow") return "allow";
  return said ? "deny" : undefined;
}
