/** What a gRPC application without an Envoy gets to call a service, beside the cluster and the endpoints of that service. */
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import type { Callee } from "./callee.js";
import { grpcCluster } from "./envoy/clusters/grpc-cluster.js";
import { apiListener } from "./envoy/listeners/api-listener.js";
import { apiRoutes, missingClusters } from "./envoy/routes/api.js";
import { type MeshResource, type Provenance, resource } from "./resource.js";

/**
 * Its listener and its routes. A cluster that these name and nobody has would hold up everything that the client does for 15 s: there is an
 * empty one in its place.
 */
export function compileGrpc(callee: Callee, origin: Provenance): readonly MeshResource[] {
  const { name, settings } = callee;
  return [
    resource(ListenerSchema, name, apiListener(name), origin),
    resource(RouteConfigurationSchema, name, apiRoutes(callee), origin),
    ...missingClusters(callee).map((missing) => resource(ClusterSchema, missing, grpcCluster(missing, settings), origin)),
  ];
}
