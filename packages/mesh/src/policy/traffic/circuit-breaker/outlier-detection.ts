/** The circuit breaker as Envoy's outlier detection: an ejected endpoint is an open breaker. */
import { create } from "@bufbuild/protobuf";
import { type OutlierDetection, OutlierDetectionSchema } from "@legation/envoy-api/envoy/config/cluster/v3/outlier_detection";
import { duration } from "../../../envoy/primitives.js";
import type { TrafficSettings } from "../settings.js";

/**
 * Envoy ejects while `100 × (ejected + 1) / endpoints` is at most `max_ejection_percent`. With 99, one of two is ejected (50 %), and of
 * up to a hundred the last is not (100 %); of more, the last hundredth stays. `fail-fast` says 100: the last one goes too.
 * Ejections end only on a sweep, so that the sweep comes at least six times in a recovery timeout.
 */
export function outlierDetection(breaker: TrafficSettings["circuitBreaker"]): OutlierDetection {
  return create(OutlierDetectionSchema, {
    splitExternalLocalOriginErrors: true,
    consecutive5xx: breaker.failureThreshold,
    enforcingConsecutive5xx: 100,
    consecutiveGatewayFailure: breaker.failureThreshold,
    enforcingConsecutiveGatewayFailure: 100,
    consecutiveLocalOriginFailure: breaker.failureThreshold,
    enforcingConsecutiveLocalOriginFailure: 100,
    enforcingSuccessRate: 0,
    enforcingLocalOriginSuccessRate: 0,
    interval: duration(Math.min(10_000, Math.ceil(breaker.recoveryTimeout / 6))),
    baseEjectionTime: duration(breaker.recoveryTimeout),
    maxEjectionPercent: breaker.whenAllFail === "fail-fast" ? 100 : 99,
    alwaysEjectOneHost: false,
    successfulActiveHealthCheckUnejectHost: false,
  });
}
