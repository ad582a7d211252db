/** A YAML file, read into a tree of values. */
import { createRequire } from "node:module";
import type { Document, LineCounter as YamlLines, Node as YamlNode } from "yaml";
import { type DocumentNode, display, type ScalarNode } from "./document.js";
import { LegationError } from "./errors.js";

/** A file's name, for messages, and its text. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** The tree of a file (undefined when it is empty or broken), and what is wrong with its syntax, as `file:line: sentence`. */
export interface ParsedDocument {
  readonly root: DocumentNode | undefined;
  readonly problems: readonly string[];
}

const require = createRequire(import.meta.url);

/** The parser, loaded with the first file: a command that reads none answers before it would be there. */
function yaml(): typeof import("yaml") {
  return require("yaml");
}

/** The most values that a file may have, those counted again that an alias repeats. */
const mostValues = 100_000;

/** The most aliases within each other; one that holds itself has no end. */
const deepestAlias = 100;

/** Parses YAML 1.2, and so JSON. Duplicate keys, several documents in one file, and aliases without end or measure are problems. */
export function parseConfigFile(file: ConfigFile): ParsedDocument {
  const { LineCounter, parseDocument } = yaml();
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
    private readonly lines: YamlLines,
  ) {}

  /** `fallbackLine` is the line of a node that has none. Throws a LegationError when aliases go beyond the limits. */
  convert(node: YamlNode | null, fallbackLine: number): DocumentNode {
    const { isAlias, isMap, isSeq } = yaml();
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
  const { isScalar } = yaml();
  const value: unknown = isScalar(node) ? node.value : null;
  const text = typeof value === "string" ? value : isScalar(node) && node.source !== undefined ? node.source : String(value);
  return { is: "scalar", line, value, text };
}
