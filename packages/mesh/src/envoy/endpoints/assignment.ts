/** A service's endpoints as Envoy's ClusterLoadAssignment. */
import { create, type JsonObject } from "@bufbuild/protobuf";
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
export function loadAssignment(
  name: string,
  localities: readonly (LocalityEndpoints & { readonly priority?: number })[],
  labels: EndpointLabels = () => undefined,
  overprovisioning = envoysOverprovisioning,
): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    ...(overprovisioning === envoysOverprovisioning ? {} : { policy: { overprovisioningFactor: overprovisioning } }),
    endpoints: localities.map(({ region, zone, endpoints, priority = 0 }) => ({
      priority,
      locality: { region, zone },
      loadBalancingWeight: Math.max(1, servingWeight(endpoints)),
      lbEndpoints: endpoints.map((placed) => lbEndpoint(placed, labels(placed))),
    })),
  });
}

/** Percent; what Envoy takes without a word. */
const envoysOverprovisioning = 140;

/** What Envoy's balancing has to know of an endpoint beside its weight: the metadata `envoy.lb`. None of it for undefined. */
export type EndpointLabels = (placed: PlacedEndpoint) => JsonObject | undefined;

function lbEndpoint(placed: PlacedEndpoint, labels: JsonObject | undefined): LbEndpoint {
  return create(LbEndpointSchema, {
    hostIdentifier: { case: "endpoint", value: { address: socketAddress(placed.host, placed.port) } },
    healthStatus: HealthStatus[placed.endpoint.health],
    loadBalancingWeight: placed.endpoint.weight,
    metadata: metadata(placed, labels),
  });
}

/**
 * Who the endpoint is, for people who read Envoy's admin pages, whether it takes mutual TLS, and its labels. Changes only with the version
 * and these.
 */
function metadata({ instance }: PlacedEndpoint, labels: JsonObject | undefined): Metadata {
  const legation = { node: instance.node, id: instance.id, version: instance.meta["version"] ?? "" };
  return create(MetadataSchema, {
    filterMetadata: {
      legation,
      ...(takesMutualTls(instance) ? { "envoy.transport_socket_match": mutualMatch } : {}),
      ...(labels ? { "envoy.lb": labels } : {}),
    },
  });
}

function servingWeight(endpoints: readonly PlacedEndpoint[]): number {
  return endpoints.reduce((sum, { endpoint }) => (isServing(endpoint) ? sum + endpoint.weight : sum), 0);
}
