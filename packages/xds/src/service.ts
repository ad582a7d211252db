/** The gRPC methods of the discovery services: which path speaks which variant, about which type. */
import { csdsPaths } from "./csds.js";
import type { Variant } from "./frame.js";
import { loadReportPath } from "./load-report.js";
import { TypeUrl } from "./type.js";

/** One streaming method. `only` is the type of a single-type service; undefined for the aggregated one. */
export interface Method {
  readonly variant: Variant;
  readonly only: string | undefined;
}

const services: readonly [path: string, typeUrl: string, sotw: string | undefined, delta: string][] = [
  ["cluster.v3.ClusterDiscoveryService", TypeUrl.cluster, "StreamClusters", "DeltaClusters"],
  ["endpoint.v3.EndpointDiscoveryService", TypeUrl.endpoint, "StreamEndpoints", "DeltaEndpoints"],
  ["listener.v3.ListenerDiscoveryService", TypeUrl.listener, "StreamListeners", "DeltaListeners"],
  ["route.v3.ScopedRoutesDiscoveryService", TypeUrl.scopedRoute, "StreamScopedRoutes", "DeltaScopedRoutes"],
  ["route.v3.RouteDiscoveryService", TypeUrl.route, "StreamRoutes", "DeltaRoutes"],
  ["route.v3.VirtualHostDiscoveryService", TypeUrl.virtualHost, undefined, "DeltaVirtualHosts"],
  ["secret.v3.SecretDiscoveryService", TypeUrl.secret, "StreamSecrets", "DeltaSecrets"],
  ["extension.v3.ExtensionConfigDiscoveryService", TypeUrl.extensionConfig, "StreamExtensionConfigs", "DeltaExtensionConfigs"],
  ["runtime.v3.RuntimeDiscoveryService", TypeUrl.runtime, "StreamRuntime", "DeltaRuntime"],
];

/** The streaming discovery methods by their HTTP/2 path. */
export const methods: ReadonlyMap<string, Method> = new Map([
  ["/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources", { variant: "sotw", only: undefined }],
  ["/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", { variant: "delta", only: undefined }],
  ...services.flatMap(([service, only, sotw, delta]): [string, Method][] => [
    ...(sotw ? [[`/envoy.service.${service}/${sotw}`, { variant: "sotw", only }] as [string, Method]] : []),
    [`/envoy.service.${service}/${delta}`, { variant: "delta", only }],
  ]),
]);

/** Every path that a server may answer. */
export const paths: readonly string[] = [...methods.keys(), ...Object.values(csdsPaths), loadReportPath];
