/** The dependency graph as text, layer by layer, within a width. Pure. */
import { type DrawnNode, drawLayers } from "@legation/contract/graph";
import type { GraphNode, ServiceGraph } from "./graph.js";

/** Draws the layers; no line is longer than `width` columns. Ends with a newline. */
export function drawGraph(graph: ServiceGraph, width = 80): string {
  const layers = graph.layers.map((layer) => layer.map((node) => drawnNode(graph, node)));
  return drawLayers(layers, "service", width);
}

function drawnNode(graph: ServiceGraph, { id, service, file, dependencies }: GraphNode): DrawnNode {
  const placed = ({ name }: { readonly name: string }) => (graph.instances(name).length > 0 ? name : `${name} (elsewhere)`);
  return {
    title: `${id === service ? id : `${service} as ${id}`} (${file})`,
    relations: [
      ["needs", dependencies.filter(({ optional }) => !optional).map(placed)],
      ["uses", dependencies.filter(({ optional }) => optional).map(placed)],
    ],
  };
}
