/** Layers as text, one box under the other, within a width. Pure. */

/** One thing in a layer: its name with what stands beside it, and what it says of others. */
export interface DrawnNode {
  readonly title: string;
  /** Lists of names, each behind its verb: `["needs", ["orders", "users"]]`. Empty lists are not drawn. */
  readonly relations: readonly (readonly [verb: string, names: readonly string[]])[];
}

/** Draws the layers; no line is longer than `width` columns. Ends with a newline. */
export function drawLayers(layers: readonly (readonly DrawnNode[])[], what: string, width = 80): string {
  const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
  const lines = [
    `${count(layers.flat().length, what)} in ${count(layers.length, "layer")}; starts from the top, stops from the bottom.`,
    "",
  ];
  layers.forEach((layer, index) => {
    const last = index + 1 === layers.length;
    lines.push(`┌─ layer ${index + 1}`);
    for (const node of layer) lines.push(...drawNode(node, width - 2).map((line) => `│ ${line}`));
    lines.push(...(last ? ["└───"] : ["└─┬─", "  ▼"]));
  });
  return `${lines.join("\n")}\n`;
}

function drawNode({ title, relations }: DrawnNode, width: number): string[] {
  return [
    ...wrap(title.split(" "), "", width),
    ...relations.flatMap(([verb, names]) => (names.length > 0 ? wrap([verb, ...listed(names)], "  ", width) : [])),
  ];
}

function listed(names: readonly string[]): string[] {
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
