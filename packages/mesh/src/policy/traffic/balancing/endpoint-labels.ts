/** What Envoy's balancing has to know of an endpoint beside its address: the metadata `envoy.lb`, and whether its weight counts. */
import type { JsonObject } from "@bufbuild/protobuf";
import { keyOf } from "../../../catalog/instance.js";
import type { LocalityEndpoints, PlacedEndpoint } from "../../../catalog/placement.js";
import type { TrafficSettings } from "../settings.js";
import { subsetKey } from "../subsets/subset-balancing.js";
import { type Subsets, subsetsOf } from "../subsets/subsets.js";
import { hashStrategies, weighingStrategies } from "./strategy.js";

/**
 * Labels for endpoints: the names of the subsets that they belong to, and where requests are hashed, their instance: an endpoint is hashed by that, not by its address, so that an instance that comes
 * back at another port keeps its requests. A host name stands for several endpoints, which have their addresses to tell them apart.
 */
export function endpointLabels(
  { strategy }: TrafficSettings["balancing"],
  subsets: Subsets,
): (placed: PlacedEndpoint) => JsonObject | undefined {
  const hashes = hashStrategies.includes(strategy);
  if (!hashes && Object.keys(subsets).length === 0) return () => undefined;
  return ({ ip, instance }) => {
    const names = subsetsOf(instance, subsets);
    const labels = { ...(hashes && ip ? { hash_key: keyOf(instance) } : {}), ...(names.length > 0 ? { [subsetKey]: [...names] } : {}) };
    return Object.keys(labels).length > 0 ? labels : undefined;
  };
}

/** The endpoints with the weights that the strategy goes by: those of Consul, or all alike. */
export function weighed(
  localities: readonly LocalityEndpoints[],
  { strategy }: TrafficSettings["balancing"],
): readonly LocalityEndpoints[] {
  if (weighingStrategies.includes(strategy)) return localities;
  const alike = (placed: PlacedEndpoint) => ({ ...placed, endpoint: { ...placed.endpoint, weight: 1 } });
  return localities.map((locality) => ({ ...locality, endpoints: locality.endpoints.map(alike) }));
}
