/** Who needs whom among the services of one machine: layers to start by, and cycles. Pure. */
import type { Dependency } from "@legation/contract";
import { layersOf } from "@legation/contract/graph";

/** One service instance. */
export interface GraphNode {
  readonly id: string;
  readonly service: string;
  /** The file that defines it. */
  readonly file: string;
  readonly dependencies: readonly Dependency[];
}

/** A dependency graph without a cycle of required dependencies. */
export interface ServiceGraph {
  /** The first needs nobody here; each other one needs somebody of the layer before it. Within a layer in the order of ids. */
  readonly layers: readonly (readonly GraphNode[])[];
  /** The instances of a service; empty when none is here. */
  instances(service: string): readonly GraphNode[];
  /** The ids of the instances that require this one's service. */
  dependents(id: string): readonly string[];
}

/** The graph, or its cycles of required dependencies: each as the nodes in order, the first needs the second, the last needs the first. */
export function graphOf(nodes: readonly GraphNode[]): ServiceGraph | { readonly cycles: readonly (readonly GraphNode[])[] } {
  const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1));
  const byService = new Map<string, GraphNode[]>();
  for (const node of sorted) byService.set(node.service, [...(byService.get(node.service) ?? []), node]);
  const instances = (service: string): readonly GraphNode[] => byService.get(service) ?? [];
  const required = (node: GraphNode): GraphNode[] =>
    node.dependencies.flatMap(({ name, optional }) => (optional ? [] : instances(name))).filter((other) => other !== node);

  const { layers, cycles } = layersOf(sorted, required);
  if (cycles.length > 0) return { cycles };

  const dependents = new Map<string, string[]>();
  for (const node of sorted) for (const { id } of required(node)) dependents.set(id, [...(dependents.get(id) ?? []), node.id]);
  return { layers, instances, dependents: (id) => dependents.get(id) ?? [] };
}
