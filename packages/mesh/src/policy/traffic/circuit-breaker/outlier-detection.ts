/** The circuit breaker as Envoy's outlier detection: an ejected endpoint is an open breaker. */
import { create } from "@bufbuild/protobuf";
import { type OutlierDetection, OutlierDetectionSchema } from "@legation/envoy-api/envoy/config/cluster/v3/outlier_detection";
import { duration } from "../../../envoy/primitives.js";
import type { TrafficSettings } from "../settings.js";
import type { FailurePercentage, SuccessRate } from "./detectors.js";

/**
 * Envoy ejects while `100 × (ejected + 1) / endpoints` is at most `max_ejection_percent`. With 99, one of two is ejected (50 %), and of
 * up to a hundred the last is not (100 %); of more, the last hundredth stays. `fail-fast` says 100: the last one goes too.
 * A detector that is off is not enforced: Envoy has no threshold of "never". Shares are judged of responses and of failures to reach the
 * endpoint apart, as failures in a row are.
 */
export function outlierDetection(breaker: TrafficSettings["circuitBreaker"]): OutlierDetection {
  const { consecutive, failureThreshold, successRate, failurePercentage, recoveryTimeout } = breaker;
  const inARow = (failures: number | undefined) =>
    (failures === 0 ? [failureThreshold, 0] : [failures ?? failureThreshold, 100]) as [number, number];
  const [consecutive5xx, enforcingConsecutive5xx] = inARow(consecutive.serverErrors);
  const [consecutiveGatewayFailure, enforcingConsecutiveGatewayFailure] = inARow(consecutive.gatewayErrors);
  const [consecutiveLocalOriginFailure, enforcingConsecutiveLocalOriginFailure] = inARow(consecutive.localOrigin);
  const longest = Math.max(recoveryTimeout, breaker.maxEjectionTime);
  return create(OutlierDetectionSchema, {
    splitExternalLocalOriginErrors: true,
    consecutive5xx,
    enforcingConsecutive5xx,
    consecutiveGatewayFailure,
    enforcingConsecutiveGatewayFailure,
    consecutiveLocalOriginFailure,
    enforcingConsecutiveLocalOriginFailure,
    enforcingSuccessRate: successRate.enforce,
    enforcingLocalOriginSuccessRate: successRate.enforce,
    ...(successRate.enforce > 0 ? successRateFields(successRate) : {}),
    ...(failurePercentage.enforce > 0 ? failurePercentageFields(failurePercentage) : {}),
    interval: duration(sweepInterval(breaker)),
    baseEjectionTime: duration(recoveryTimeout),
    ...(longest === Math.max(recoveryTimeout, envoysMaxEjectionTime) ? {} : { maxEjectionTime: duration(longest) }),
    ...(breaker.ejectionJitter > 0 ? { maxEjectionTimeJitter: duration(breaker.ejectionJitter) } : {}),
    maxEjectionPercent: breaker.maxEjection ?? (breaker.whenAllFail === "fail-fast" ? 100 : 99),
    alwaysEjectOneHost: false,
    successfulActiveHealthCheckUnejectHost: false,
  });
}

/** What Envoy takes without a word, or the base ejection time where that is longer. */
const envoysMaxEjectionTime = 300_000;

/**
 * Milliseconds between sweeps. Ejections end only on a sweep, so that the sweep comes at least six times in a recovery timeout. Where shares
 * are judged, it is the window that they are judged over, and so not longer than the window that was asked for.
 */
export function sweepInterval({
  interval,
  recoveryTimeout,
  monitoringPeriod,
  successRate,
  failurePercentage,
}: TrafficSettings["circuitBreaker"]): number {
  if (interval !== undefined) return interval;
  const sweep = Math.min(10_000, Math.ceil(recoveryTimeout / 6));
  return successRate.enforce + failurePercentage.enforce > 0 ? Math.min(sweep, monitoringPeriod) : sweep;
}

function successRateFields({ minimumHosts, requestVolume, stdevFactor }: SuccessRate) {
  return {
    successRateMinimumHosts: minimumHosts,
    successRateRequestVolume: requestVolume,
    successRateStdevFactor: Math.round(stdevFactor * 1_000),
  };
}

function failurePercentageFields({ enforce, minimumHosts, requestVolume, threshold }: FailurePercentage) {
  return {
    failurePercentageThreshold: threshold,
    enforcingFailurePercentage: enforce,
    enforcingFailurePercentageLocalOrigin: enforce,
    failurePercentageMinimumHosts: minimumHosts,
    failurePercentageRequestVolume: requestVolume,
  };
}
