/** The filters that hold a destination's rules: before the router of HTTP, and before the proxy of TCP. */
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { Protocol } from "@legation/contract";
import { packAny, typeUrl } from "@legation/envoy-api";
import { ComparisonFilter_Op } from "@legation/envoy-api/envoy/config/accesslog/v3/accesslog";
import { DataSourceSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { type ExtensionConfigSource, ExtensionConfigSourceSchema } from "@legation/envoy-api/envoy/config/core/v3/config_source";
import { FilterSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import {
  PermissionSchema,
  PolicySchema,
  PrincipalSchema,
  type RBAC,
  RBAC_Action,
  RBACSchema,
} from "@legation/envoy-api/envoy/config/rbac/v3/rbac";
import { type RBAC as HttpRbac, RBACSchema as HttpRbacSchema } from "@legation/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac";
import {
  HttpFilterSchema,
  type ResponseMapper,
  ResponseMapperSchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { type RBAC as TcpRbac, RBACSchema as TcpRbacSchema } from "@legation/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac";
import type { InboundAuthorization } from "../envoy/listeners/inbound-authorization.js";
import { adsSource, duration } from "../envoy/primitives.js";
import { deniedCallLog } from "./denied-calls.js";

/** `enforce` refuses; `shadow` only counts what it would refuse. */
export type Enforcement = "enforce" | "shadow";

/** How the filters count: `http.inbound.rbac.intentions.denied`, `.allowed`, `.shadow_denied`, …; `intentions.rbac.denied`, … for TCP. */
const statPrefix = "intentions.";

/** The name of the resource that holds a service's rules, by what its Envoys speak. */
export function rulesName(service: string, protocol: Protocol): string {
  return `intentions/${protocol === "tcp" ? "tcp" : "http"}/${service}`;
}

/** The rules for HTTP; every request passes without. Each rule counts for itself. */
export function httpConfig(rules: RBAC | undefined, enforcement: Enforcement): [typeof HttpRbacSchema, HttpRbac] {
  const shadow = { shadowRulesStatPrefix: statPrefix, ...(rules ? { shadowRules: rules } : {}) };
  const enforced = { rulesStatPrefix: statPrefix, ...(rules ? { rules } : {}) };
  return [HttpRbacSchema, create(HttpRbacSchema, { ...(enforcement === "enforce" ? enforced : shadow), trackPerRuleStats: true })];
}

/** The rules for TCP; every connection passes without. */
export function tcpConfig(rules: RBAC | undefined, enforcement: Enforcement): [typeof TcpRbacSchema, TcpRbac] {
  return [
    TcpRbacSchema,
    create(TcpRbacSchema, {
      ...(rules ? { shadowRules: rules, ...(enforcement === "enforce" ? { rules } : {}) } : {}),
      statPrefix,
    }),
  ];
}

/**
 * The places of the rules in a service's inbound listener. The rules themselves come as resources of their own (`rulesName`), so that a change
 * holds for the next request of every connection, drains none, and leaves the listener as it is. A listener waits until it has them.
 */
export function inboundAuthorization(service: string): InboundAuthorization {
  const http = {
    name: rulesName(service, "http"),
    configType: { case: "configDiscovery" as const, value: discovered(typeUrl(HttpRbacSchema)) },
  };
  const tcp = {
    name: rulesName(service, "tcp"),
    configType: { case: "configDiscovery" as const, value: discovered(typeUrl(TcpRbacSchema)) },
  };
  return {
    http: [create(HttpFilterSchema, http)],
    network: [create(FilterSchema, tcp)],
    replies: [refusal()],
    accessLog: [deniedCallLog(statPrefix)],
  };
}

/**
 * Counts requests and connections that carry no identity beside a way in that asks for one: `http.inbound.rbac.plaintext.shadow_denied`,
 * `plaintext.rbac.shadow_denied` for TCP. They all pass.
 */
export function plaintextCount(): Pick<InboundAuthorization, "http" | "network"> {
  const prefix = "plaintext.";
  const everybody = create(PrincipalSchema, { identifier: { case: "any", value: true } });
  const anything = create(PermissionSchema, { rule: { case: "any", value: true } });
  const policy = create(PolicySchema, { principals: [everybody], permissions: [anything] });
  const shadowRules = create(RBACSchema, { action: RBAC_Action.DENY, policies: { plaintext: policy } });
  const http = create(HttpRbacSchema, { shadowRules, shadowRulesStatPrefix: prefix });
  const tcp = create(TcpRbacSchema, { shadowRules, statPrefix: prefix });
  const configType = <T extends DescMessage>(schema: T, message: MessageShape<T>) => ({
    case: "typedConfig" as const,
    value: packAny(schema, message),
  });
  return {
    http: [create(HttpFilterSchema, { name: "plaintext", configType: configType(HttpRbacSchema, http) })],
    network: [create(FilterSchema, { name: "plaintext", configType: configType(TcpRbacSchema, tcp) })],
  };
}

function discovered(type: string): ExtensionConfigSource {
  return create(ExtensionConfigSourceSchema, { configSource: { ...adsSource(), initialFetchTimeout: duration(0) }, typeUrls: [type] });
}

/**
 * Tells the caller which rule refused it: `denied by intention (rbac_access_denied_matched_policy[web=>orders])`. No other reply of Envoy's own
 * has this status here.
 */
function refusal(): ResponseMapper {
  const inlineString = "legation: denied by intention (%RESPONSE_CODE_DETAILS%)\n";
  const body = create(DataSourceSchema, { specifier: { case: "inlineString", value: inlineString } });
  const forbidden = { op: ComparisonFilter_Op.EQ, value: { defaultValue: 403, runtimeKey: "legation.intentions.status" } };
  return create(ResponseMapperSchema, {
    filter: { filterSpecifier: { case: "statusCodeFilter", value: { comparison: forbidden } } },
    bodyFormatOverride: { format: { case: "textFormatSource", value: body } },
  });
}
