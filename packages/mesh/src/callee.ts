/** What a service's callers have of it in their own resources, beside its cluster and endpoints. */
import type { IdentityMode, Protocol } from "@legation/contract";
import type { VirtualHost } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { type CatalogService, compareText } from "./catalog/instance.js";
import { protocolOf } from "./catalog/protocol.js";
import { virtualHost } from "./envoy/routes/outbound.js";
import { destinationsOf, type RouteRule } from "./policy/route/rule.js";
import { isTcpSplit } from "./policy/route/tcp-split.js";
import type { TrafficSettings } from "./policy/traffic/settings.js";
import { type ServiceTraffic, type TrafficPolicies, trafficTo } from "./policy/traffic/traffic-policies.js";

/** A service as its callers' routes know it. */
export interface Callee {
  readonly name: string;
  /** It has instances, in whatever health. */
  readonly registered: boolean;
  readonly protocol: Protocol;
  readonly mode: IdentityMode;
  readonly settings: TrafficSettings;
  /** What becomes of some of the requests to it, in the order in which they hold. Where it speaks `tcp`, a split at most. */
  readonly rules: readonly RouteRule[];
  /** The other services that these send requests to, sorted: callers need their clusters as well. */
  readonly targets: readonly string[];
  /** The documents that have a say in it, as `Kind/name`. */
  readonly documents: readonly string[];
  /** Its virtual host in the routes of sidecars. Made when it is first asked for. */
  readonly virtualHost: VirtualHost;
  /** Equal for two of one name exactly when all of the above are. */
  readonly outline: string;
}

/** The service as its callers know it. Nothing of its endpoints but their protocol and whether there are any counts. */
export function calleeOf(service: CatalogService, policies: TrafficPolicies, mode: IdentityMode): Callee {
  return callee(service, trafficTo(service, policies), mode);
}

/** The same from what holds for its traffic. */
export function callee(service: CatalogService, traffic: ServiceTraffic, mode: IdentityMode): Callee {
  const { name, instances } = service;
  const { protocol } = protocolOf(instances);
  const registered = instances.length > 0;
  const { settings } = traffic;
  const rules = protocol === "tcp" ? traffic.rules.filter((rule) => isTcpSplit(rule, settings)) : traffic.rules;
  const documents = [...new Set([...traffic.documents, ...rules.map(({ document }) => document)])];
  const targets = [...new Set(rules.flatMap(destinationsOf))].filter((target) => target !== name).sort(compareText);
  let host: VirtualHost | undefined;
  return {
    name,
    registered,
    protocol,
    mode,
    settings,
    rules,
    targets,
    documents,
    get virtualHost() {
      host ??= virtualHost(name, protocol === "tcp", settings, rules);
      return host;
    },
    outline: JSON.stringify([registered, protocol, mode, settings, rules.map((rule) => sparing(rule, settings)), documents]),
  };
}

/** The rule without the settings that it shares with its service: most do, and there may be hundreds. */
function sparing(rule: RouteRule, host: TrafficSettings): RouteRule | Omit<RouteRule, "settings"> {
  const { settings, ...rest } = rule;
  return settings === host ? rest : rule;
}
