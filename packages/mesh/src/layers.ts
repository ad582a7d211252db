/** Which resources are shared by which nodes. */
import type { NodeMetadata } from "@legation/contract";
import { compareText } from "./catalog/instance.js";
import { localPorts } from "./local-ports.js";

/** The layer that holds every service's endpoints, for all nodes. */
export const endpointsLayer = "endpoints";

/** The layer that holds the endpoints which callers in a region have in the place of those of `endpointsLayer`. */
export function regionalLayer(region: string): string {
  return `${endpointsLayer} ${JSON.stringify(region)}`;
}

/** The names of a node's own layers. */
export interface NodeLayers {
  /** Service, zone, kind, dependencies, local ports, and whether there is a certificate: nodes that agree in these see the same `view` and clusters. */
  readonly view: string;
  /** Listeners, the inbound cluster and the secrets: addresses, protocol, certificates, and what one instance's registration says of TLS. */
  readonly instance: string;
}

/** The layers of the node of an instance (`instanceKey`). Optional and required dependencies are the same here. */
export function layersOf(node: NodeMetadata, locality: { readonly region: string; readonly zone: string }, instance: string): NodeLayers {
  const dependencies = [...new Set(node.dependencies.map(({ name }) => name))].sort(compareText);
  const { ports, problems } = localPorts(node);
  const local = ports.length + problems.length > 0 ? [ports, problems] : [];
  const own = node.kind === "sidecar" ? [instance, node.certificates ?? ""] : [];
  return {
    view: `view ${JSON.stringify([node.service, locality.region, locality.zone, node.kind, node.certificates !== undefined, dependencies, ...local])}`,
    instance: `instance ${JSON.stringify([...own, node.service, node.kind, node.inbound, node.app, node.outbound, node.protocol])}`,
  };
}
