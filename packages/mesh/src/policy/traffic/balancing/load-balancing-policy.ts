/** Balancing strategies as Envoy's load balancing policies. */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "@legation/envoy-api";
import { type LoadBalancingPolicy, LoadBalancingPolicySchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { LeastRequestSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/least_request/v3/least_request";
import { RandomSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/random/v3/random";
import { RoundRobinSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin";
import { WrrLocalitySchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality";
import { duration } from "../../../envoy/primitives.js";
import type { TrafficSettings } from "../settings.js";

const slowStartOf = (ms: number) => (ms > 0 ? { slowStartConfig: { slowStartWindow: duration(ms) } } : {});

/**
 * The strategy, over the endpoint weights that EDS carries. A client takes the first policy of the list that it knows: Envoy the
 * strategy's own, gRPC applications the weighted round robin behind it.
 */
export function loadBalancing(balancing: TrafficSettings["balancing"]): LoadBalancingPolicy {
  const roundRobin = packAny(RoundRobinSchema, create(RoundRobinSchema, slowStartOf(balancing.slowStart)));
  const weighted = create(WrrLocalitySchema, {
    endpointPickingPolicy: listed([["envoy.load_balancing_policies.round_robin", packAny(RoundRobinSchema, create(RoundRobinSchema))]]),
  });
  return listed([own(balancing, roundRobin), ["envoy.load_balancing_policies.wrr_locality", packAny(WrrLocalitySchema, weighted)]]);
}

function own(balancing: TrafficSettings["balancing"], roundRobin: Any): [string, Any] {
  switch (balancing.strategy) {
    case "health_based":
    case "least_connections":
      return [
        "envoy.load_balancing_policies.least_request",
        packAny(LeastRequestSchema, create(LeastRequestSchema, slowStartOf(balancing.slowStart))),
      ];
    case "round_robin":
    case "weighted_round_robin":
      return ["envoy.load_balancing_policies.round_robin", roundRobin];
    case "random":
      return ["envoy.load_balancing_policies.random", packAny(RandomSchema, create(RandomSchema))];
  }
}

function listed(policies: readonly [name: string, config: Any][]): LoadBalancingPolicy {
  return create(LoadBalancingPolicySchema, {
    policies: policies.map(([name, typedConfig]) => ({ typedExtensionConfig: { name, typedConfig } })),
  });
}
