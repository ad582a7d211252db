/** Preferring the caller's zone, as Envoy's zone aware routing. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LocalityLbConfigSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/common/v3/common";
import type { LocalitySettings } from "./locality.js";

/**
 * For the strategies that know it, which are all but those that hash. Envoy compares the zones' shares of a service's healthy endpoints with
 * those of the caller's own (`zoneAssignment`): a zone whose share suffices keeps all of its callers' requests, of another one the rest
 * goes where there is more than enough. Envoy would do so for services of six or more endpoints without a word; here it is for all or none.
 */
export function zoneAwareness({ prefer }: LocalitySettings): MessageInitShape<typeof LocalityLbConfigSchema> {
  const value = prefer === "zone" ? { minClusterSize: 1n } : { routingEnabled: { value: 0 } };
  return { localityConfigSpecifier: { case: "zoneAwareLbConfig", value } };
}
