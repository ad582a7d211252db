/** The filters that hold a destination's rules: before the router of HTTP, and before the proxy of TCP. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import { type Filter, FilterSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import type { RBAC } from "@legation/envoy-api/envoy/config/rbac/v3/rbac";
import { RBACSchema as HttpRbacSchema } from "@legation/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { RBACSchema as NetworkRbacSchema } from "@legation/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac";

/** `enforce` refuses; `shadow` only counts what it would refuse. */
export type Enforcement = "enforce" | "shadow";

/** The names under which the filters stand, keep their dynamic metadata, and count. */
export const authorizationNames = {
  http: "envoy.filters.http.rbac",
  tcp: "envoy.filters.network.rbac",
  /** `http.<manager>.rbac.intentions.denied`, `.allowed`, `.shadow_denied`, …, and one set per rule. */
  statPrefix: "intentions.",
} as const;

/** For a connection manager's list. Refuses with 403. */
export function httpAuthorization(rules: RBAC, enforcement: Enforcement): HttpFilter {
  const prefix = authorizationNames.statPrefix;
  const config = create(HttpRbacSchema, {
    ...(enforcement === "enforce" ? { rules, rulesStatPrefix: prefix } : { shadowRules: rules, shadowRulesStatPrefix: prefix }),
    trackPerRuleStats: true,
  });
  return create(HttpFilterSchema, {
    name: authorizationNames.http,
    configType: { case: "typedConfig", value: packAny(HttpRbacSchema, config) },
  });
}

/** For a filter chain. Refuses by closing the connection. */
export function tcpAuthorization(rules: RBAC, enforcement: Enforcement): Filter {
  const config = create(NetworkRbacSchema, {
    ...(enforcement === "enforce" ? { rules } : { shadowRules: rules }),
    statPrefix: authorizationNames.statPrefix,
  });
  return create(FilterSchema, {
    name: authorizationNames.tcp,
    configType: { case: "typedConfig", value: packAny(NetworkRbacSchema, config) },
  });
}
