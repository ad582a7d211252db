/** Subsets as Envoy's subset load balancing policy: one cluster, whose endpoints carry the names of their subsets. */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "@legation/envoy-api";
import type { LoadBalancingPolicy } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { type Metadata, MetadataSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import {
  Subset_LbSubsetFallbackPolicy,
  Subset_LbSubsetSelector_LbSubsetSelectorFallbackPolicy,
  SubsetSchema,
} from "@legation/envoy-api/envoy/extensions/load_balancing_policies/subset/v3/subset";

/** The key of the metadata `envoy.lb` under which endpoints carry the names of their subsets, and routes the one that they want. */
export const subsetKey = "subset";

/** For a route's action, or one cluster of its split: only the endpoints of a subset. Its cluster has to be one of `withinSubsets`, else all are taken. */
export function subsetMatch(subset: string): Metadata {
  return create(MetadataSchema, { filterMetadata: { "envoy.lb": { [subsetKey]: subset } } });
}

/**
 * `policy` within the subset that a route wants, or over all endpoints where it wants none. A subset without endpoints is answered 503, never by
 * others.
 */
export function withinSubsets(policy: LoadBalancingPolicy): Any {
  const subset = create(SubsetSchema, {
    fallbackPolicy: Subset_LbSubsetFallbackPolicy.ANY_ENDPOINT,
    subsetSelectors: [{ keys: [subsetKey], fallbackPolicy: Subset_LbSubsetSelector_LbSubsetSelectorFallbackPolicy.NO_FALLBACK }],
    listAsAny: true,
    subsetLbPolicy: policy,
  });
  return packAny(SubsetSchema, subset);
}
