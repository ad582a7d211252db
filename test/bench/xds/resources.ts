/** The bench's resources, which every server serves: clusters, their endpoints, a listener and a route. */
import { create } from "@bufbuild/protobuf";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { createResource, type Resource } from "@legation/xds";

/** Stands, followed by seven digits, in the first cluster's assignment: by it a client knows which change it holds. */
export const changeMark = "change-";

/** How much there is of everything. */
export interface Size {
  readonly clusters: number;
  readonly endpoints: number;
}

/** The names of all clusters; endpoints go by the same names. */
export function clusterNames(clusters: number): string[] {
  return Array.from({ length: clusters }, (_, i) => `cluster-${i}`);
}

/** The names that one stream of many asks for, as a sidecar does that calls a few services: a tenth of all, at least ten, and the first, which changes. */
export function ownNames(stream: number, clusters: number): string[] {
  const size = Math.min(clusters, Math.max(10, Math.floor(clusters / 10)));
  const own = new Set([0]);
  for (let i = 0; own.size < size; i += 1) own.add((stream * 31 + i) % clusters);
  return [...own].map((i) => `cluster-${i}`);
}

/** Everything, before the first change. */
export function allResources(size: Size): { clusters: Resource[]; endpoints: Resource[]; listener: Resource; route: Resource } {
  const names = clusterNames(size.clusters);
  return {
    clusters: names.map(cluster),
    endpoints: names.map((name, i) => (i === 0 ? changedEndpoints(size, 0) : assignment(name, size, 1, ""))),
    listener: createResource(ListenerSchema, "listener-0", create(ListenerSchema, { name: "listener-0" })),
    route: createResource(RouteConfigurationSchema, "route-0", create(RouteConfigurationSchema, { name: "route-0" })),
  };
}

/** The first cluster's endpoints after the change with this number: one endpoint has another weight. */
export function changedEndpoints(size: Size, change: number): Resource {
  return assignment("cluster-0", size, (change % 100) + 1, `${changeMark}${String(change).padStart(7, "0")}`);
}

function cluster(name: string): Resource {
  const message = create(ClusterSchema, {
    name,
    connectTimeout: { seconds: 1n },
    clusterDiscoveryType: { case: "type", value: 3 },
    edsClusterConfig: { edsConfig: { resourceApiVersion: 2, configSourceSpecifier: { case: "ads", value: {} } } },
  });
  return createResource(ClusterSchema, name, message);
}

function assignment(name: string, { endpoints }: Size, weight: number, mark: string): Resource {
  const lbEndpoints = Array.from({ length: endpoints }, (_, i) => ({
    healthStatus: 1,
    loadBalancingWeight: i === 0 ? weight : 1,
    hostIdentifier: {
      case: "endpoint" as const,
      value: {
        address: {
          address: {
            case: "socketAddress" as const,
            value: { address: `10.0.${Math.floor(i / 250)}.${i % 250}`, portSpecifier: { case: "portValue" as const, value: 8080 } },
          },
        },
      },
    },
  }));
  const message = create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [{ locality: { zone: "a", subZone: mark }, loadBalancingWeight: 1, lbEndpoints }],
  });
  return createResource(ClusterLoadAssignmentSchema, name, message);
}
