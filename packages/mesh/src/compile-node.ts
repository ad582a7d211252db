/** One node's description → what it gets besides the clusters of its dependencies. */
import { type NodeMetadata, serviceNameProblem, splitAddress } from "@legation/contract";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { isIp } from "./catalog/address.js";
import { type CatalogService, compareText } from "./catalog/instance.js";
import { protocolOf } from "./catalog/protocol.js";
import { appCluster, inboundCluster } from "./envoy/clusters/inbound-cluster.js";
import { apiListener, apiRoutes } from "./envoy/listeners/api-listener.js";
import { inboundListener } from "./envoy/listeners/inbound.js";
import { outboundListener } from "./envoy/listeners/outbound.js";
import { outbound, outboundRoutes, type RoutedDependency } from "./envoy/routes/outbound.js";
import type { MeshDefaults } from "./policy/mesh-defaults/mesh-defaults.js";
import type { Problem } from "./problem.js";
import { type MeshResource, resource } from "./resource.js";

/** What a node gets of its own. */
export interface CompiledNode {
  /** Equal for all nodes with one view key (`layersOf`): routes, and the API listeners of gRPC applications. */
  readonly view: readonly MeshResource[];
  /** Of this instance alone: listeners, and the cluster of its application. */
  readonly instance: readonly MeshResource[];
  /** The services whose clusters (and endpoints) this node gets, sorted. Each has a cluster, registered or not. */
  readonly clusters: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Compiles a node from its own description. Of the catalog it looks only at whether a dependency exists and speaks TCP, so that it
 * has to be compiled again when one of its `clusters` appears, vanishes or changes its protocol, and at no other change.
 */
export function compileNode(
  node: NodeMetadata,
  catalog: (name: string) => CatalogService | undefined,
  defaults: MeshDefaults,
): CompiledNode {
  const problems: Problem[] = [];
  const say = (code: Problem["code"], message: string) => problems.push({ code, service: node.service, message });
  if (node.kind === "gateway") {
    say("gateway-unserved", "gateways get no configuration: run it as kind sidecar");
    return { view: [], instance: [], clusters: [], problems };
  }
  const dependencies = callable(node, (name) => catalog(name) !== undefined, say).map((name) => ({
    name,
    tcp: speaksTcp(name, catalog(name), say),
  }));
  const own = { service: node.service, source: "default" };
  const view =
    node.kind === "grpc"
      ? dependencies.flatMap(({ name }) => [
          resource(ListenerSchema, name, apiListener(name), own),
          resource(RouteConfigurationSchema, name, apiRoutes(name), own),
        ])
      : [resource(RouteConfigurationSchema, outbound, outboundRoutes(node.service, dependencies, defaults), own)];
  const instance = node.kind === "grpc" ? [] : sidecar(node, defaults, say);
  return { view, instance, clusters: dependencies.map(({ name }) => name), problems };
}

type Say = (code: Problem["code"], message: string) => void;

/**
 * The names that can be routed to, sorted, each once: host names know no case, and Envoy refuses routes in which two are equal. Of
 * two that differ in case only, the registered one stays.
 */
function callable(node: NodeMetadata, registered: (name: string) => boolean, say: Say): string[] {
  const names = new Map<string, string>();
  const wanted = [...new Set(node.dependencies.map(({ name }) => name))].sort(compareText);
  for (const name of [...wanted.filter(registered), ...wanted.filter((other) => !registered(other))]) {
    const flaw = serviceNameProblem(name);
    const twin = names.get(name.toLowerCase());
    if (flaw) say("dependency-name", `a dependency is left out: ${flaw}`);
    else if (name.toLowerCase() === node.service.toLowerCase())
      say("dependency-self", `${name} depends on itself, which is left out: remove it from its dependencies`);
    else if (twin !== undefined) say("dependency-twice", `dependency ${name} is left out: as a host name it is the same as ${twin}`);
    else names.set(name.toLowerCase(), name);
  }
  return [...names.values()].sort(compareText);
}

function speaksTcp(name: string, service: CatalogService | undefined, say: Say): RoutedDependency["tcp"] {
  if (!service || service.instances.length === 0)
    say("dependency-unknown", `dependency ${name} is not registered: requests to it fail until an instance of ${name} is`);
  const tcp = service !== undefined && protocolOf(service.instances).protocol === "tcp";
  if (tcp) say("dependency-tcp", `dependency ${name} speaks tcp and is not served over HTTP: requests to it are answered 502`);
  return tcp;
}

function sidecar(node: NodeMetadata, defaults: MeshDefaults, say: Say): MeshResource[] {
  const own = { service: node.service, source: "default" };
  const resources: MeshResource[] = [];
  const bindable = (what: "inbound" | "outbound") => {
    const address = splitAddress(node[what]);
    if (address && isIp(address.host)) return address;
    say("node-address", `no ${what} listener: ${what} is "${node[what]}", and a listener needs an IP address and a port`);
    return undefined;
  };
  const outside = bindable("outbound");
  if (outside) resources.push(resource(ListenerSchema, outbound, outboundListener(outside, defaults), own));
  const inside = bindable("inbound");
  const app = splitAddress(node.app);
  if (!app) say("node-address", `no inbound listener: app is "${node.app}", and it has to be host:port`);
  if (inside && app) {
    resources.push(resource(ListenerSchema, "inbound", inboundListener(inside, node.protocol, defaults), own));
    resources.push(resource(ClusterSchema, inboundCluster, appCluster(app, node.protocol, defaults), own));
  }
  return resources;
}
