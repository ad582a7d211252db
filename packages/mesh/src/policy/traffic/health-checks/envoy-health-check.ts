/** Active checks as Envoy's health checks of a cluster. */
import { create } from "@bufbuild/protobuf";
import type { Protocol } from "@legation/contract";
import { RequestMethod } from "@legation/envoy-api/envoy/config/core/v3/base";
import { type HealthCheck, HealthCheck_PayloadSchema, HealthCheckSchema } from "@legation/envoy-api/envoy/config/core/v3/health_check";
import { CodecClientType } from "@legation/envoy-api/envoy/type/v3/http";
import { Int64RangeSchema } from "@legation/envoy-api/envoy/type/v3/range";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { duration } from "../../../envoy/primitives.js";
import type { TrafficSettings } from "../settings.js";
import { statusBounds } from "./check-kinds.js";
import type { HealthCheckKind } from "./health-checks.js";

/**
 * Why a service that speaks this protocol is not asked as its policy says, with the fix; undefined where it is. Envoy asks for HTTP on a
 * cluster that speaks it, and for gRPC on one that speaks HTTP/2.
 */
export function healthCheckProblem({ healthChecks: { check } }: TrafficSettings, protocol: Protocol): string | undefined {
  if (check?.kind === "http" && protocol === "tcp")
    return "healthChecks.http is not asked for, since it speaks tcp. Write healthChecks.tcp";
  if (check?.kind === "grpc" && (protocol === "tcp" || protocol === "http"))
    return `healthChecks.grpc is not asked for, since it speaks ${protocol}, and gRPC needs HTTP/2. Write healthChecks.${protocol}`;
  return undefined;
}

/**
 * The checks of the service's cluster; none where nobody wants any, or the protocol does not allow them. They go where requests go: to the
 * endpoint's address and over its transport socket. An endpoint that has not been checked yet gets requests only when none is healthy.
 */
export function healthChecks(name: string, settings: TrafficSettings, protocol: Protocol): HealthCheck[] {
  const { healthChecks: written, circuitBreaker } = settings;
  if (written.check === undefined || healthCheckProblem(settings, protocol) !== undefined) return [];
  return [
    create(HealthCheckSchema, {
      timeout: duration(written.timeout),
      interval: duration(written.interval),
      noTrafficInterval: duration(written.idleInterval ?? written.interval),
      ...(written.jitter > 0 ? { intervalJitter: duration(written.jitter) } : {}),
      // Envoy holds it for a failure when the other side closes a connection that it has kept after a check over TCP.
      ...(written.check.kind === "tcp" ? { reuseConnection: false } : {}),
      unhealthyThreshold: written.unhealthyThreshold,
      healthyThreshold: written.healthyThreshold ?? circuitBreaker.successThreshold,
      healthChecker: checker(name, written.check, protocol),
    }),
  ];
}

function checker(name: string, check: HealthCheckKind, protocol: Protocol) {
  switch (check.kind) {
    case "http":
      return {
        case: "httpHealthCheck",
        value: {
          host: check.host ?? name,
          path: check.path,
          method: RequestMethod[check.method ?? "GET"],
          codecClientType: protocol === "http" ? CodecClientType.HTTP1 : CodecClientType.HTTP2,
          expectedStatuses: (check.expected ?? [200]).map(range),
          retriableStatuses: (check.retriable ?? ["500-599"]).map(range),
          receive: (check.receive ?? []).map(payload),
        },
      } as const;
    case "tcp":
      return {
        case: "tcpHealthCheck",
        value: { ...(check.send === undefined ? {} : { send: payload(check.send) }), receive: (check.receive ?? []).map(payload) },
      } as const;
    case "grpc":
      return { case: "grpcHealthCheck", value: { serviceName: check.service ?? "", authority: check.authority ?? name } } as const;
  }
}

function range(written: number | string) {
  const { start, end } = statusBounds(written);
  return create(Int64RangeSchema, { start: BigInt(start), end: BigInt(end) });
}

/** Envoy's `text` is hexadecimal; `binary` it does not send. */
function payload(text: string) {
  return create(HealthCheck_PayloadSchema, { payload: { case: "text", value: bytesToHex(utf8ToBytes(text)) } });
}
