/** Which resources are shared by which nodes. */
import type { NodeMetadata } from "@legation/contract";
import { compareText } from "./catalog/instance.js";

/** The layer that holds every service's endpoints, for all nodes. */
export const endpointsLayer = "endpoints";

/** The names of a node's own layers. */
export interface NodeLayers {
  /** Service, zone, kind and dependencies: nodes that agree in these see the same `view` and clusters. */
  readonly view: string;
  /** What makes listeners and the inbound cluster: addresses and protocol. Equal instances on different machines share them. */
  readonly instance: string;
}

/** The layers of a node, in which nothing of its identity (`node.id`) counts. Optional and required dependencies are the same here. */
export function layersOf(node: NodeMetadata, locality: { readonly region: string; readonly zone: string }): NodeLayers {
  const dependencies = [...new Set(node.dependencies.map(({ name }) => name))].sort(compareText);
  return {
    view: `view ${JSON.stringify([node.service, locality.region, locality.zone, node.kind, dependencies])}`,
    instance: `instance ${JSON.stringify([node.service, node.kind, node.inbound, node.app, node.outbound, node.protocol])}`,
  };
}
