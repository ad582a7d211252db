/** The cluster by which gRPC applications without an Envoy reach a service: what their clients know of it, and nothing that they refuse. */
import { create } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import type { OutlierDetection } from "@legation/envoy-api/envoy/config/cluster/v3/outlier_detection";
import { ApiVersion, ConfigSourceSchema } from "@legation/envoy-api/envoy/config/core/v3/config_source";
import { loadBalancing } from "../../policy/traffic/balancing/load-balancing-policy.js";
import { outlierDetection } from "../../policy/traffic/circuit-breaker/outlier-detection.js";
import { circuitBreakers } from "../../policy/traffic/limits/circuit-breakers.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { edsDiscovery } from "./service-cluster.js";

/**
 * Always by EDS: these clients refuse a list of host names, so that endpoints which are host names are none of theirs. Of the limits they keep
 * `requests` (gRPC's proposal A32), of the outlier detection the detectors by rate (A50). In plain text: they take no secret by SDS. They
 * report their calls to where the cluster comes from.
 */
export function grpcCluster(name: string, settings: TrafficSettings): Cluster {
  return create(ClusterSchema, {
    name,
    ...edsDiscovery(),
    loadBalancingPolicy: loadBalancing(settings),
    outlierDetection: byRate(settings.circuitBreaker),
    circuitBreakers: circuitBreakers(settings),
    lrsServer: create(ConfigSourceSchema, { configSourceSpecifier: { case: "self", value: {} }, resourceApiVersion: ApiVersion.V3 }),
  });
}

const nobody = 0xffff_ffff;

/**
 * Envoy ejects another one as long as that leaves the share within the maximum, gRPC as long as the share is below it before: with Envoy's
 * 99 % it would eject the last one of a few too. Half of them keeps one of two, and more of more.
 *
 * Some clients count calls only where a detector was on when they began to call, and one that is switched on later never ejects. So the
 * one for failures in percent is always on, and asks for more instances than there can be where nobody wants it.
 */
function byRate(breaker: TrafficSettings["circuitBreaker"]): OutlierDetection {
  const detection = outlierDetection(breaker);
  return {
    ...detection,
    maxEjectionPercent: breaker.maxEjection ?? (breaker.whenAllFail === "fail-fast" ? 100 : 50),
    ...(breaker.failurePercentage.enforce > 0 ? {} : { enforcingFailurePercentage: 100, failurePercentageMinimumHosts: nobody }),
  };
}
