/** A YAML file as plain values, with the line of each path for messages. */
import { isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from "yaml";
import type { ConfigFile } from "./config.js";

/** A file that was read: its value, the line of a dotted path (1 when unknown), and what is wrong with its syntax. */
export interface ParsedFile {
  readonly value: unknown;
  readonly line: (path: string) => number;
  readonly problems: readonly string[];
}

/** Parses YAML 1.2 (and so JSON). Duplicate keys and syntax errors are problems with their lines. */
export function parseFile(file: ConfigFile): ParsedFile {
  const counter = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: counter, prettyErrors: false });
  const problems = document.errors.map(
    (e) => `${file.path}:${counter.linePos(e.pos[0]).line}: ${e.message.replace(/\.?$/, "")}. Fix the YAML there`,
  );
  if (problems.length > 0) return { value: undefined, line: () => 1, problems };
  const lines = new Map<string, number>();
  const walk = (map: YAMLMap, prefix: string) => {
    for (const pair of map.items) {
      if (!isScalar(pair.key)) continue;
      const path = prefix + String(pair.key.value);
      if (pair.key.range) lines.set(path, counter.linePos(pair.key.range[0]).line);
      if (isMap(pair.value)) walk(pair.value, `${path}.`);
    }
  };
  if (isMap(document.contents)) walk(document.contents, "");
  return { value: document.toJS() ?? undefined, line: (path) => lines.get(path) ?? 1, problems };
}
