/** What of the rules for a service holds where it speaks `tcp`: a split of its connections, which nothing tells apart. */
import type { TrafficSettings } from "../traffic/settings.js";
import type { RouteRule } from "./rule.js";
import { anyRequest } from "./rule-match.js";

const anything = JSON.stringify(anyRequest);

/** True for a rule for all requests that says nothing but where they go. `host` are the settings of the service itself. */
export function isTcpSplit({ match, action, headers, fault, settings }: RouteRule, host: TrafficSettings): boolean {
  const more = headers ?? fault ?? (action.kind === "forward" ? (action.rewrite ?? action.mirror) : action);
  return more === undefined && settings === host && JSON.stringify(match) === anything;
}
