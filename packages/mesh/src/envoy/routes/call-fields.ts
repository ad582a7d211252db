/** How the requests of a route are sent: its timeouts, retries, hedging, and what of them chooses the endpoint. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RouteActionSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { hashPolicies } from "../../policy/traffic/balancing/hash-policy.js";
import { isGrpcCode } from "../../policy/traffic/retries/retry-condition.js";
import { type CallKind, retryPolicy } from "../../policy/traffic/retries/retry-policy.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { duration } from "../primitives.js";

/**
 * The fields of a route's action for requests of one kind. `host` are the settings whose retry policy for `other` requests the virtual host
 * has (`virtualHost`): a route that needs no other one carries none. Without `host` each route carries its own.
 */
export function callFields(
  kind: CallKind,
  settings: TrafficSettings,
  host?: TrafficSettings,
): Exclude<MessageInitShape<typeof RouteActionSchema>, { $typeName: string }> {
  const { timeouts, hedging, retries } = settings;
  const hedged = hedging.enabled && timeouts.perTry > 0 && (kind === "idempotent" || hedging.methods === "all");
  const inherits = settings === host && (kind === "other" || (kind === "grpc" && !retries.on.some(isGrpcCode)));
  return {
    timeout: duration(kind === "grpc" ? 0 : timeouts.request),
    ...(timeouts.idle > 0 ? { idleTimeout: duration(timeouts.idle) } : {}),
    ...streamBounds(kind, timeouts.stream),
    ...(inherits ? {} : { retryPolicy: retryPolicy(settings, kind) }),
    hashPolicy: hashPolicies(settings.balancing),
    ...(hedged ? { hedgePolicy: { hedgeOnPerTryTimeout: true } } : {}),
  };
}

/** A gRPC call's own deadline counts, up to the longest stream; 0 lets any pass. */
function streamBounds(kind: CallKind, longest: number) {
  const maxStreamDuration = longest > 0 ? { maxStreamDuration: duration(longest) } : {};
  if (kind === "grpc") return { maxStreamDuration: { ...maxStreamDuration, grpcTimeoutHeaderMax: duration(longest) } };
  return longest > 0 ? { maxStreamDuration } : {};
}
