/** A service's endpoints as Envoy's ClusterLoadAssignment. */
import { create } from "@bufbuild/protobuf";
import { type Metadata, MetadataSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { HealthStatus } from "@legation/envoy-api/envoy/config/core/v3/health_check";
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { type LbEndpoint, LbEndpointSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint_components";
import { isServing } from "../../catalog/endpoint.js";
import type { LocalityEndpoints, PlacedEndpoint } from "../../catalog/placement.js";
import { takesMutualTls } from "../../policy/identity/plaintext.js";
import { socketAddress } from "../primitives.js";
import { mutualMatch } from "../tls/transport-sockets.js";

/**
 * The endpoints grouped by locality, in the order given. Every locality is set, if only to empty names, and weighs as much as its
 * endpoints that take requests (at least 1): gRPC passes over localities without either.
 */
export function loadAssignment(name: string, localities: readonly LocalityEndpoints[]): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: localities.map(({ region, zone, endpoints }) => ({
      locality: { region, zone },
      loadBalancingWeight: Math.max(1, servingWeight(endpoints)),
      lbEndpoints: endpoints.map(lbEndpoint),
    })),
  });
}

function lbEndpoint(placed: PlacedEndpoint): LbEndpoint {
  return create(LbEndpointSchema, {
    hostIdentifier: { case: "endpoint", value: { address: socketAddress(placed.host, placed.port) } },
    healthStatus: HealthStatus[placed.endpoint.health],
    loadBalancingWeight: placed.endpoint.weight,
    metadata: identity(placed),
  });
}

/** Who the endpoint is, for people who read Envoy's admin pages, and whether it takes mutual TLS. Changes only with the version and that. */
function identity({ instance }: PlacedEndpoint): Metadata {
  const legation = { node: instance.node, id: instance.id, version: instance.meta["version"] ?? "" };
  if (!takesMutualTls(instance)) return create(MetadataSchema, { filterMetadata: { legation } });
  return create(MetadataSchema, { filterMetadata: { legation, "envoy.transport_socket_match": mutualMatch } });
}

function servingWeight(endpoints: readonly PlacedEndpoint[]): number {
  return endpoints.reduce((sum, { endpoint }) => (isServing(endpoint) ? sum + endpoint.weight : sum), 0);
}
