/** The values of a YAML file as a tree in which each knows its line and how it was written. */

/** One value of a file. Lines count from 1. */
export type DocumentNode = ScalarNode | ListNode | MapNode;

/** A value that is neither a list nor a map. */
export interface ScalarNode {
  readonly is: "scalar";
  readonly line: number;
  readonly value: unknown;
  /** As written, so that a version of `1.10` does not become 1.1; without quotes where it had some. */
  readonly text: string;
}

/** A list. */
export interface ListNode {
  readonly is: "list";
  readonly line: number;
  readonly items: readonly DocumentNode[];
}

/** A map, in the file's order. */
export interface MapNode {
  readonly is: "map";
  readonly line: number;
  readonly entries: readonly { readonly key: string; readonly line: number; readonly node: DocumentNode }[];
}

/** The tree below a node as plain values. */
export function plain(node: DocumentNode): unknown {
  if (node.is === "list") return node.items.map(plain);
  if (node.is === "map") return Object.fromEntries(node.entries.map(({ key, node: value }) => [key, plain(value)]));
  return node.value;
}

/** A value as a message quotes it: one line of JSON, shortened. */
export function display(node: DocumentNode): string {
  const text = node.is === "scalar" && typeof node.value !== "string" ? node.text : JSON.stringify(plain(node));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
