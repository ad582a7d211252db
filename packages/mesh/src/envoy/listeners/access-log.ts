/** The access log, where one is configured. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import { type AccessLog, AccessLogSchema } from "@legation/envoy-api/envoy/config/accesslog/v3/accesslog";
import { FileAccessLogSchema } from "@legation/envoy-api/envoy/extensions/access_loggers/file/v3/file";
import type { TrafficSettings } from "../../policy/traffic/settings.js";

const fields: JsonObject = {
  // Who called, by the certificate, and the rule of Consul's intentions that refused (TCP: in `termination`).
  caller: "%DOWNSTREAM_PEER_URI_SAN%",
  callee: "%DOWNSTREAM_LOCAL_URI_SAN%",
  termination: "%CONNECTION_TERMINATION_DETAILS%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  bytesReceived: "%BYTES_RECEIVED%",
  bytesSent: "%BYTES_SENT%",
  details: "%RESPONSE_CODE_DETAILS%",
  durationMs: "%DURATION%",
  flags: "%RESPONSE_FLAGS%",
  host: "%REQ(:AUTHORITY)%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(:PATH)%",
  // The rule of a policy `Route`, as `Route/orders-canary#0`.
  route: "%ROUTE_NAME%",
  requestId: "%REQ(X-REQUEST-ID)%",
  status: "%RESPONSE_CODE%",
  time: "%START_TIME%",
  upstream: "%UPSTREAM_HOST%",
  upstreamCluster: "%UPSTREAM_CLUSTER%",
};

/** One line of JSON per request or connection, or no log. */
export function accessLog({ accessLog }: TrafficSettings): AccessLog[] {
  if (accessLog.path === undefined) return [];
  const file = create(FileAccessLogSchema, {
    path: accessLog.path,
    accessLogFormat: { case: "logFormat", value: { format: { case: "jsonFormat", value: fields } } },
  });
  return [
    create(AccessLogSchema, {
      name: "envoy.access_loggers.file",
      configType: { case: "typedConfig", value: packAny(FileAccessLogSchema, file) },
    }),
  ];
}
