/** Where a service's own instances are, for the Envoys of these: the other side of zone aware routing. */
import { create } from "@bufbuild/protobuf";
import { zoneAssignmentName } from "@legation/contract";
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { isServing } from "../../catalog/endpoint.js";
import type { LocalityEndpoints } from "../../catalog/placement.js";
import { socketAddress } from "../primitives.js";

/**
 * The endpoints of one region that serve, by zone; Envoy counts them and sends nothing there. Empty where all are in one zone: nothing is to
 * be weighed then, and no Envoy hears of changes. Other regions do not count: their callers have endpoints of their own to go to first.
 */
export function zoneAssignment(service: string, region: string, localities: readonly LocalityEndpoints[]): ClusterLoadAssignment {
  const serving = localities
    .filter((locality) => locality.region === region)
    .map((locality) => ({ ...locality, endpoints: locality.endpoints.filter(({ ip, endpoint }) => ip && isServing(endpoint)) }))
    .filter(({ endpoints }) => endpoints.length > 0);
  const zones = serving.length > 1 ? serving : [];
  return create(ClusterLoadAssignmentSchema, {
    clusterName: zoneAssignmentName(service, region),
    endpoints: zones.map(({ zone, endpoints }) => ({
      locality: { region, zone },
      lbEndpoints: endpoints.map(({ host, port }) => ({
        hostIdentifier: { case: "endpoint" as const, value: { address: socketAddress(host, port) } },
      })),
    })),
  });
}
