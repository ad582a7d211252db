/** Balancing strategies as Envoy's load balancing policies. */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "@legation/envoy-api";
import { type LoadBalancingPolicy, LoadBalancingPolicySchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { LeastRequestSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/least_request/v3/least_request";
import { MaglevSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/maglev/v3/maglev";
import { RandomSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/random/v3/random";
import { RingHash_HashFunction, RingHashSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash";
import { RoundRobinSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin";
import { WrrLocalitySchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality";
import { duration } from "../../../envoy/primitives.js";
import type { LocalitySettings } from "../locality/locality.js";
import { zoneAwareness } from "../locality/zone-awareness.js";
import type { TrafficSettings } from "../settings.js";
import { withinSubsets } from "../subsets/subset-balancing.js";
import type { BalancingSettings } from "./balancing.js";

/**
 * The strategy, over the endpoint weights that EDS carries. A client takes the first policy of the list that it knows: Envoy the
 * strategy's own, gRPC applications that too where it is `ring_hash`, else the weighted round robin behind it. `subsets`: within the subset
 * that a route wants.
 */
export function loadBalancing({ balancing, locality }: TrafficSettings, subsets = false): LoadBalancingPolicy {
  const weighted = create(WrrLocalitySchema, {
    endpointPickingPolicy: listed([["round_robin", packAny(RoundRobinSchema, create(RoundRobinSchema))]]),
  });
  const chosen: [string, Any] = subsets ? ["subset", withinSubsets(listed([own(balancing, locality)]))] : own(balancing, locality);
  return listed([chosen, ["wrr_locality", packAny(WrrLocalitySchema, weighted)]]);
}

function own(balancing: BalancingSettings, locality: LocalitySettings): [string, Any] {
  const { strategy, choices } = balancing;
  const slowStart = balancing.slowStart > 0 ? { slowStartConfig: { slowStartWindow: duration(balancing.slowStart) } } : {};
  const localityLbConfig = zoneAwareness(locality);
  const hashing = balancing.boundedLoad === undefined ? {} : { consistentHashingLbConfig: { hashBalanceFactor: balancing.boundedLoad } };
  switch (strategy) {
    case "health_based":
    case "least_connections": {
      const drawn = choices === 2 ? {} : { choiceCount: choices };
      return ["least_request", packAny(LeastRequestSchema, create(LeastRequestSchema, { ...slowStart, ...drawn, localityLbConfig }))];
    }
    case "round_robin":
    case "weighted_round_robin":
      return ["round_robin", packAny(RoundRobinSchema, create(RoundRobinSchema, { ...slowStart, localityLbConfig }))];
    case "random":
      return ["random", packAny(RandomSchema, create(RandomSchema, { localityLbConfig }))];
    case "ring_hash": {
      // gRPC applications refuse a ring whose function is not named, or whose size is.
      const named = { hashFunction: RingHash_HashFunction.XX_HASH };
      return ["ring_hash", packAny(RingHashSchema, create(RingHashSchema, { ...named, ...hashing }))];
    }
    case "maglev":
      return ["maglev", packAny(MaglevSchema, create(MaglevSchema, hashing))];
  }
}

function listed(policies: readonly [name: string, config: Any][]): LoadBalancingPolicy {
  return create(LoadBalancingPolicySchema, {
    policies: policies.map(([name, typedConfig]) => ({
      typedExtensionConfig: { name: `envoy.load_balancing_policies.${name}`, typedConfig },
    })),
  });
}
