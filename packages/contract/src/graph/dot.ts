/** A graph of who calls whom in the DOT language of Graphviz. Pure. */
import type { DrawnMesh } from "./mesh-drawing.js";
import type { GraphEdge } from "./mesh-graph.js";

/** Writes it: callers above callees, optional dependencies dashed, those that are not called grey, undeclared ones red. Ends with a newline. */
export function dotOf({ layers, edges }: DrawnMesh): string {
  const ranks = layers.map((names) => `  { rank=same; ${names.map((name) => `${quoted(name)};`).join(" ")} }`);
  const lines = edges.map((edge) => `  ${quoted(edge.from)} -> ${quoted(edge.to)}${attributesOf(edge)};`);
  return ["digraph mesh {", "  rankdir=TB;", "  node [shape=box];", ...ranks, ...lines, "}", ""].join("\n");
}

function attributesOf({ kind, declared, calls }: GraphEdge): string {
  const attributes = [
    ...(declared === "optional" ? ["style=dashed"] : []),
    ...(kind === "undeclared" ? ["color=red", "fontcolor=red"] : []),
    ...(kind === "declared" && calls !== null ? ["color=gray"] : []),
    ...(calls ? [`label=${quoted(String(calls))}`] : []),
  ];
  return attributes.length > 0 ? ` [${attributes.join(", ")}]` : "";
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
