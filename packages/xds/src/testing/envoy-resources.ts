/** The resources of a small configuration that a real Envoy runs: one listener, its routes, clusters with endpoints. */
import { parseJson } from "@legation/envoy-api";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { createResource, type Resource } from "../resource.js";

const ads = { resourceApiVersion: "V3", ads: {} };
const hcm = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/** A cluster whose endpoints come over ADS. */
export function clusterNamed(name: string, connectTimeout = "1s"): Resource {
  const json = { name, type: "EDS", edsClusterConfig: { edsConfig: ads }, connectTimeout };
  return createResource(ClusterSchema, name, parseJson(ClusterSchema, json));
}

/** Endpoints of a cluster on 127.0.0.1. */
export function endpointsOf(name: string, ...ports: number[]): Resource {
  const lbEndpoints = ports.map((portValue) => ({ endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue } } } }));
  const json = { clusterName: name, endpoints: [{ locality: { zone: "a" }, loadBalancingWeight: 1, lbEndpoints }] };
  return createResource(ClusterLoadAssignmentSchema, name, parseJson(ClusterLoadAssignmentSchema, json), `services/${name}`);
}

/** An HTTP listener on a free port whose routes `routes` come over ADS. `filters` stand before the router. */
export function listenerNamed(
  name: string,
  routes: string,
  filters: readonly { name: string; typedConfig: Record<string, string> }[] = [],
): Resource {
  const typedConfig = {
    "@type": hcm,
    statPrefix: name,
    rds: { routeConfigName: routes, configSource: ads },
    httpFilters: [...filters, { name: "envoy.filters.http.router", typedConfig: { "@type": router } }],
  };
  const json = {
    name,
    address: { socketAddress: { address: "127.0.0.1", portValue: 0 } },
    filterChains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typedConfig }] }],
  };
  return createResource(ListenerSchema, name, parseJson(ListenerSchema, json));
}

/** Routes that send everything to one cluster. */
export function routesNamed(name: string, cluster: string): Resource {
  const json = { name, virtualHosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster } }] }] };
  return createResource(RouteConfigurationSchema, name, parseJson(RouteConfigurationSchema, json));
}
