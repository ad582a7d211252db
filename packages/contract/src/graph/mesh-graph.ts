/** Who calls whom: what services declare beside what their callers' Envoys have sent. Pure. */
import { type DeclaredService, type ServiceGraph, serviceGraphOf } from "./service-graph.js";

/** What the instances of one service have sent to others, all together. */
export interface ObservedService {
  readonly caller: string;
  /** By called service; requests, or connections where TCP is spoken. */
  readonly calls: ReadonlyMap<string, number>;
}

/** How a dependency is known: declared and called, declared and never called, or called and never declared. */
export const edgeKinds = ["both", "declared", "undeclared"] as const;

/** One dependency. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: (typeof edgeKinds)[number];
  /** Null where it is not declared. */
  readonly declared: "required" | "optional" | null;
  /** Since the callers' Envoys have started; null where nobody watches the caller. */
  readonly calls: number | null;
}

/** The graph of services with every dependency that is declared or observed, each once, by caller and callee. */
export interface MeshGraph extends ServiceGraph {
  readonly edges: readonly GraphEdge[];
}

/** Puts both together. Layers, orders and cycles come from what is declared alone. A service that calls itself by its own name is an edge too. */
export function meshGraphOf(declared: readonly DeclaredService[], observed: readonly ObservedService[]): MeshGraph {
  const graph = serviceGraphOf(declared);
  const sent = new Map(observed.map(({ caller, calls }) => [caller, calls]));
  const edges = [...graph.services.values()].flatMap(({ name, required, optional }): GraphEdge[] => {
    const calls = sent.get(name);
    const edge = (to: string, how: "required" | "optional"): GraphEdge => {
      const count = calls?.get(to) ?? 0;
      return { from: name, to, kind: count > 0 ? "both" : "declared", declared: how, calls: calls ? count : null };
    };
    const known = new Set([...required, ...optional]);
    const others = [...(calls ?? [])].filter(([to, count]) => count > 0 && !known.has(to));
    const undeclared = others.map(([to, count]): GraphEdge => ({ from: name, to, kind: "undeclared", declared: null, calls: count }));
    return [...required.map((to) => edge(to, "required")), ...optional.map((to) => edge(to, "optional")), ...undeclared];
  });
  return { ...graph, edges: edges.sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to)) };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
