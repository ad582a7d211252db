/** What Envoy's balancing has to know of an endpoint beside its address: the metadata `envoy.lb`, and whether its weight counts. */
import type { JsonObject } from "@bufbuild/protobuf";
import { keyOf } from "../../../catalog/instance.js";
import type { LocalityEndpoints, PlacedEndpoint } from "../../../catalog/placement.js";
import type { TrafficSettings } from "../settings.js";
import { hashStrategies, weighingStrategies } from "./strategy.js";

/**
 * Labels for endpoints. Where requests are hashed, an endpoint is hashed by its instance, not by its address, so that an instance that comes
 * back at another port keeps its requests. A host name stands for several endpoints, which have their addresses to tell them apart.
 */
export function endpointLabels({ strategy }: TrafficSettings["balancing"]): (placed: PlacedEndpoint) => JsonObject | undefined {
  if (!hashStrategies.includes(strategy)) return () => undefined;
  return ({ ip, instance }) => (ip ? { hash_key: keyOf(instance) } : undefined);
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
