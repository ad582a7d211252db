/** A YAML file as a tree in which every value knows its line and how it was written. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode } from "yaml";
import { LegationError } from "./errors.js";

/** A file's name, for messages, and its text. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

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

/** The tree of a file (undefined when it is empty or broken), and what is wrong with its syntax, as `file:line: sentence`. */
export interface ParsedDocument {
  readonly root: DocumentNode | undefined;
  readonly problems: readonly string[];
}

/** The most values that a file may have, those counted again that an alias repeats. */
const mostValues = 100_000;

/** The most aliases within each other; one that holds itself has no end. */
const deepestAlias = 100;

/** Parses YAML 1.2, and so JSON. Duplicate keys, several documents in one file, and aliases without end or measure are problems. */
export function parseConfigFile(file: ConfigFile): ParsedDocument {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map(({ pos, message }) => {
    const sentence = message.replace(/\s*\.?\s*$/, "");
    return `${file.path}:${lines.linePos(pos[0]).line}: the YAML is broken: ${sentence}.`;
  });
  if (problems.length > 0 || !document.contents) return { root: undefined, problems };
  try {
    return { root: new Conversion(document, lines).convert(document.contents, 1), problems };
  } catch (error) {
    if (!(error instanceof LegationError)) throw error;
    return { root: undefined, problems: [`${file.path}: ${error.message}`] };
  }
}

/** Turns the nodes of one document into ours. */
class Conversion {
  private values = 0;
  private aliases = 0;

  constructor(
    private readonly document: Document.Parsed,
    private readonly lines: LineCounter,
  ) {}

  /** `fallbackLine` is the line of a node that has none. Throws a LegationError when aliases go beyond the limits. */
  convert(node: YamlNode | null, fallbackLine: number): DocumentNode {
    const line = node?.range ? this.lines.linePos(node.range[0]).line : fallbackLine;
    this.values += 1;
    if (this.values > mostValues || this.aliases > deepestAlias)
      throw new LegationError("config.aliases", `its aliases (*name) never end, or make it longer than ${mostValues} values.`);
    if (isAlias(node)) {
      this.aliases += 1;
      const meant = this.convert(node.resolve(this.document) ?? null, line);
      this.aliases -= 1;
      return meant;
    }
    if (isSeq<YamlNode | null>(node)) return { is: "list", line, items: node.items.map((item) => this.convert(item, line)) };
    if (isMap<YamlNode, YamlNode | null>(node)) {
      const entries = node.items.map(({ key, value }) => {
        const name = this.convert(key, line);
        return { key: name.is === "scalar" ? name.text : display(name), line: name.line, node: this.convert(value, name.line) };
      });
      return { is: "map", line, entries };
    }
    return scalar(node, line);
  }
}

function scalar(node: YamlNode | null, line: number): ScalarNode {
  const value: unknown = isScalar(node) ? node.value : null;
  const text = typeof value === "string" ? value : isScalar(node) && node.source !== undefined ? node.source : String(value);
  return { is: "scalar", line, value, text };
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
