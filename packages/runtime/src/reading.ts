/** How a value is read from where it was written: text in variables and flags, a tree in files. */
import { type DocumentNode, display, plain } from "./document.js";

/** What was written: the text of a variable, the texts of a flag (one each time it was given), or a value of a file. */
export type Written =
  | { readonly in: "env"; readonly text: string }
  | { readonly in: "flag"; readonly texts: readonly string[] }
  | { readonly in: "file"; readonly node: DocumentNode };

/** One thing that is wrong: a sentence with its fix, and where inside the value (`[2]`, `.key`) and on which line of the file it stands. */
export interface Problem {
  readonly sentence: string;
  readonly at?: string;
  readonly line?: number;
}

/** What reading a value yields. */
export type Reading<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

/** Reads one kind of value. */
export type Reader<T> = (written: Written) => Reading<T>;

/** A reading that failed with one sentence. */
export function wrong(sentence: string): { readonly problems: readonly Problem[] } {
  return { problems: [{ sentence }] };
}

/** What was written, as messages quote it. */
export function quoted(written: Written): string {
  return written.in === "file" ? display(written.node) : JSON.stringify(rawOf(written));
}

/** What was written, as a plain value: text, or whatever the file holds. */
export function rawOf(written: Written): unknown {
  if (written.in === "file") return plain(written.node);
  return written.in === "env" ? written.text : written.texts.at(-1);
}

/**
 * Reads a single word or number; `parse` returns undefined for what is none, and the message then says that the value is not
 * `expected`. Of a repeated flag the last one counts.
 */
export function scalarReader<T>(expected: string, parse: (text: string, written: Written) => T | undefined): Reader<T> {
  return (written) => {
    const text = scalarText(written);
    const value = text === undefined ? undefined : parse(text, written);
    return value === undefined ? wrong(`${quoted(written)} is not ${expected}.`) : { value };
  };
}

/** Reads a list, each element by `item`: a YAML list, or words with commas between them, appended where a flag is repeated. */
export function listReader<T>(item: Reader<T>): Reader<readonly T[]> {
  return (written) => {
    const elements = elementsOf(written);
    if (!elements) return wrong(`${quoted(written)} is not a list. Write [a, b].`);
    const values: T[] = [];
    const problems: Problem[] = [];
    elements.forEach((element, index) => {
      const reading = item(element);
      if ("value" in reading) values.push(reading.value);
      else for (const problem of reading.problems) problems.push({ ...lineOf(element), ...problem, at: `[${index}]${problem.at ?? ""}` });
    });
    return problems.length > 0 ? { problems } : { value: values };
  };
}

/** Reads texts in which a comma is one of their letters: a YAML list, or a text for each time the flag is given. A variable holds one. */
export const textsReader: Reader<readonly string[]> = (written) => {
  if (written.in === "file") return listReader(scalarReader("text", (text) => text))(written);
  return { value: written.in === "env" ? [written.text] : written.texts };
};

/** Reads keys with text values: a YAML map, or `key=value` with commas between them, appended where a flag is repeated. */
export const mapReader: Reader<Readonly<Record<string, string>>> = (written) => {
  if (written.in !== "file") {
    const pairs = wordsOf(written).map((word) => /^([^=]+)=(.*)$/s.exec(word));
    if (pairs.some((pair) => !pair)) return wrong(`${quoted(written)} is not a map. Write key=value,key=value.`);
    return { value: Object.fromEntries(pairs.map((pair) => [pair?.[1]?.trim() ?? "", pair?.[2]?.trim() ?? ""])) };
  }
  if (written.node.is !== "map") return wrong(`${quoted(written)} is not a map. Write {key: value}, or one "key: value" a line.`);
  const problems: Problem[] = [];
  const value = new Map<string, string>();
  for (const { key, line, node } of written.node.entries) {
    if (node.is !== "scalar") problems.push({ sentence: `${display(node)} is not text.`, at: `.${key}`, line });
    else if (node.value === null) problems.push({ sentence: 'there is no value. Write "" for an empty one.', at: `.${key}`, line });
    else value.set(key, node.text);
  }
  return problems.length > 0 ? { problems } : { value: Object.fromEntries(value) };
};

function scalarText(written: Written): string | undefined {
  if (written.in === "env") return written.text;
  if (written.in === "flag") return written.texts.at(-1);
  return written.node.is === "scalar" && written.node.value !== null ? written.node.text : undefined;
}

function elementsOf(written: Written): readonly Written[] | undefined {
  if (written.in === "env") return wordsOf(written).map((text) => ({ in: "env", text }));
  if (written.in === "flag") return wordsOf(written).map((text) => ({ in: "flag", texts: [text] }));
  return written.node.is === "list" ? written.node.items.map((node) => ({ in: "file", node })) : undefined;
}

function wordsOf(written: Exclude<Written, { in: "file" }>): string[] {
  const texts = written.in === "env" ? [written.text] : written.texts;
  return texts.flatMap((text) => text.split(",")).flatMap((word) => word.trim() || []);
}

function lineOf(written: Written): { line?: number } {
  return written.in === "file" ? { line: written.node.line } : {};
}
