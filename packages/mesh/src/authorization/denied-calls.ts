/** The log of refused calls: always on, on Envoy's standard output, where the agent reads it. */
import { create } from "@bufbuild/protobuf";
import { type DeniedCallLine, deniedCallMark } from "@legation/contract";
import { packAny } from "@legation/envoy-api";
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
} from "@legation/envoy-api/envoy/config/accesslog/v3/accesslog";
import { StdoutAccessLogSchema } from "@legation/envoy-api/envoy/extensions/access_loggers/stream/v3/stream";

/** Where RBAC leaves what it found, by filter. */
const findings = { http: "envoy.filters.http.rbac", tcp: "envoy.filters.network.rbac" } as const;

/** Longer paths are cut off. */
const longestPath = 256;

/**
 * Writes a `DeniedCallLine` for each request and connection that the rules refuse, or would refuse in `enforce`, and nothing for others. RBAC of
 * TCP does not leave what it refused where a log's filter sees it, so that its rules are given as shadow rules too.
 *
 * `prefix` stands before the names of what RBAC of HTTP leaves.
 */
export function deniedCallLog(prefix: string): AccessLog {
  const found = (filter: string, key: string): string => `%DYNAMIC_METADATA(${filter}:${key})%`;
  const fields: Record<keyof DeniedCallLine, string> = {
    legation: deniedCallMark,
    caller: "%DOWNSTREAM_PEER_URI_SAN%",
    callee: "%DOWNSTREAM_LOCAL_URI_SAN%",
    rule: found(findings.http, `${prefix}enforced_effective_policy_id`),
    shadow: found(findings.http, `${prefix}shadow_effective_policy_id`),
    shadowTcp: found(findings.tcp, "shadow_effective_policy_id"),
    termination: "%CONNECTION_TERMINATION_DETAILS%",
    method: "%REQ(:METHOD)%",
    path: `%REQ(:PATH):${longestPath}%`,
  };
  const log = create(StdoutAccessLogSchema, {
    accessLogFormat: { case: "logFormat", value: { format: { case: "jsonFormat", value: fields } } },
  });
  const filters = [
    metadataIs(findings.http, `${prefix}enforced_engine_result`, "denied"),
    metadataIs(findings.http, `${prefix}shadow_engine_result`, "denied"),
    metadataIs(findings.tcp, "shadow_engine_result", "denied"),
  ];
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.stdout",
    filter: { filterSpecifier: { case: "orFilter", value: { filters } } },
    configType: { case: "typedConfig", value: packAny(StdoutAccessLogSchema, log) },
  });
}

function metadataIs(filter: string, key: string, value: string): AccessLogFilter {
  const matcher = {
    filter,
    path: [{ segment: { case: "key" as const, value: key } }],
    value: { matchPattern: { case: "stringMatch" as const, value: { matchPattern: { case: "exact" as const, value } } } },
  };
  return create(AccessLogFilterSchema, {
    filterSpecifier: { case: "metadataFilter", value: { matcher, matchIfKeyNotFound: false } },
  });
}
