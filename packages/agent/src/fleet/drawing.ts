/** The dependency graph as text, layer by layer, within a width. Pure. */
import type { GraphNode, ServiceGraph } from "./graph.js";

/** Draws the layers; no line is longer than `width` columns. Ends with a newline. */
export function drawGraph(graph: ServiceGraph, width = 80): string {
  const services = graph.layers.flat().length;
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const lines = [
    `${count(services, "service")} in ${count(graph.layers.length, "layer")}; starts from the top, stops from the bottom.`,
    "",
  ];
  graph.layers.forEach((layer, index) => {
    const last = index + 1 === graph.layers.length;
    lines.push(`┌─ layer ${index + 1}`);
    for (const node of layer) lines.push(...draw(graph, node, width - 2).map((line) => `│ ${line}`));
    lines.push(...(last ? ["└───"] : ["└─┬─", "  ▼"]));
  });
  return `${lines.join("\n")}\n`;
}

function draw(graph: ServiceGraph, node: GraphNode, width: number): string[] {
  const { id, service, file, dependencies } = node;
  const name = id === service ? id : `${service} as ${id}`;
  const needs = dependencies.filter(({ optional }) => !optional).map(({ name }) => placed(graph, name));
  const uses = dependencies.filter(({ optional }) => optional).map(({ name }) => placed(graph, name));
  return [
    ...wrap(`${name} (${file})`.split(" "), "", width),
    ...(needs.length > 0 ? wrap(["needs", ...list(needs)], "  ", width) : []),
    ...(uses.length > 0 ? wrap(["uses", ...list(uses)], "  ", width) : []),
  ];
}

function placed(graph: ServiceGraph, name: string): string {
  return graph.instances(name).length > 0 ? name : `${name} (elsewhere)`;
}

function list(names: readonly string[]): string[] {
  return names.map((name, index) => (index + 1 < names.length ? `${name},` : name));
}

function wrap(words: readonly string[], indent: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.flatMap((long) => cut(long, width - indent.length - 4))) {
    if (line !== "" && indent.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((text) => indent + text);
}

function cut(word: string, most: number): string[] {
  const parts: string[] = [];
  for (let rest = word; rest !== ""; rest = rest.slice(most)) parts.push(rest.slice(0, most));
  return parts;
}
