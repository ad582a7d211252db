/** Files of policies: YAML or JSON, several documents each. */
import { LineCounter, parseAllDocuments, type Document as YamlDocument } from "yaml";
import { documentKey, readDocument } from "./document.js";
import { pathText } from "./flaw.js";
import { conflictsOf, type PolicyDocument } from "./kinds.js";

/** A file's name, for messages, and its text. */
export interface PolicyFile {
  readonly path: string;
  readonly text: string;
}

/** What the files hold. `problems` is empty, or nothing of them may be used; each names file, line, document, path inside and the fix. */
export interface ParsedPolicies {
  readonly documents: readonly PolicyDocument[];
  readonly problems: readonly string[];
}

/** The largest file, and the largest document as stored, in bytes: Consul's limit for a value. */
export const largestDocument = 512 * 1_024;

/**
 * Reads files. Documents stand behind each other in YAML (`---`), or in a list; empty ones are passed over. Beside each document's own
 * flaws, two of one kind and name are a problem, and so is what the documents contradict each other in.
 */
export function parsePolicyFiles(files: readonly PolicyFile[]): ParsedPolicies {
  const problems: string[] = [];
  const found = new Map<string, { readonly document: PolicyDocument; readonly place: (path: readonly PropertyKey[]) => string }>();
  for (const file of files)
    for (const { value, place } of valuesOf(file, problems)) {
      const reading = readDocument(value);
      if ("flaws" in reading) {
        for (const { path, message } of reading.flaws) problems.push(`${place(path)}: ${sentence(nameOf(value), pathText(path), message)}`);
        continue;
      }
      const { document } = reading;
      const key = documentKey(document);
      const other = found.get(key);
      if (other) problems.push(`${place([])}: ${sentence(key, "name", `${other.place([])} has this name already. Give one another name`)}`);
      else found.set(key, { document, place });
    }
  const documents = [...found.values()].map(({ document }) => document);
  for (const { kind, name, path, message } of conflictsOf(documents)) {
    const key = documentKey({ kind, name });
    problems.push(`${found.get(key)?.place(path)}: ${sentence(key, pathText(path), message)}`);
  }
  return { documents, problems };
}

interface PlacedValue {
  readonly value: unknown;
  /** `file:line` of a path inside the value, or of the nearest field above it. */
  place(path: readonly PropertyKey[]): string;
}

function valuesOf(file: PolicyFile, problems: string[]): readonly PlacedValue[] {
  if (file.text.length > largestDocument) {
    problems.push(`${file.path}: is larger than ${largestDocument} bytes. Split it into several files`);
    return [];
  }
  const lines = new LineCounter();
  try {
    const documents = [parseAllDocuments(file.text, { lineCounter: lines, prettyErrors: false })].flat();
    const broken = documents.flatMap(({ errors }) => errors);
    for (const { pos, message } of broken)
      problems.push(`${file.path}:${lines.linePos(pos[0]).line}: the YAML is broken: ${message.replace(/\s*\.?\s*$/, "")}`);
    if (broken.length > 0) return [];
    return documents.flatMap((document) => {
      const value: unknown = document.toJS();
      if (value === null || value === undefined) return [];
      const at = (before: readonly PropertyKey[]) => (path: readonly PropertyKey[]) =>
        `${file.path}:${lineOf(document, lines, [...before, ...path])}`;
      if (!Array.isArray(value)) return [{ value, place: at([]) }];
      return value.map((one: unknown, i) => ({ value: one, place: at([i]) }));
    });
  } catch (error) {
    problems.push(`${file.path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

function lineOf(document: YamlDocument, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range))
      return lines.linePos(Number(node.range[0])).line;
  }
  return 1;
}

function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return "document";
  const { kind, name } = value as Record<string, unknown>;
  return typeof kind === "string" && typeof name === "string" ? documentKey({ kind, name }) : "document";
}

function sentence(document: string, path: string, message: string): string {
  return `${document}: ${path === "" ? "" : `${path}: `}${message}`;
}
