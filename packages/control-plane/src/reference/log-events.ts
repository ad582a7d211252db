/** The events that the sources write into the log: each with its level, its fields and what it says, as it stands in the source. */
import type { Source } from "./sources.js";

/** One event. */
export interface LogEvent {
  /** What is worked out at run time stands in angle brackets: `audit.<kind>`. */
  readonly name: string;
  readonly levels: readonly string[];
  readonly fields: readonly string[];
  /** The first line that says it; `…` for what is filled in. */
  readonly says: string;
  /** The packages that write it. */
  readonly packages: readonly string[];
}

/** Functions that log the event that is their first argument, and the words that are their second. */
const wrappers = /\b(?:complainOnce|onCrash)\(\s*(?=")/g;
const call = /\.(trace|debug|info|warn|error|fatal)\(\s*(?=\{)|\[[^\]\n]*"(?:info|warn|error|debug)"[^\]\n]*\]\(\s*(?=\{)/g;

/** Collects the events, by name. */
export function logEvents(sources: readonly Source[]): readonly LogEvent[] {
  const found = new Map<string, LogEvent>();
  const add = (event: LogEvent): void => {
    const before = found.get(event.name);
    const both = (a: readonly string[] = [], b: readonly string[]) => [...new Set([...a, ...b])].sort();
    found.set(event.name, {
      name: event.name,
      levels: both(before?.levels, event.levels),
      fields: both(before?.fields, event.fields),
      packages: both(before?.packages, event.packages),
      says: before?.says || event.says,
    });
  };
  for (const { path, text } of sources) {
    const packages = [path.split("/")[1] ?? ""];
    for (const { 0: matched, 1: level = "info or warn", index } of text.matchAll(call)) {
      const [object = "", ...rest] = argumentsAt(text, index + matched.length - 1, "(");
      const parts = argumentsAt(object, 0, "{");
      const named = parts.map((part) => /^event: ([\s\S]*)$/.exec(part)?.[1]).find((name) => name !== undefined);
      if (named === undefined) continue;
      const fields = parts.filter((part) => !part.startsWith("event: ")).map(fieldOf);
      for (const name of namesIn(named)) add({ name, levels: [level], fields, says: wordsOf(rest[0] ?? ""), packages });
    }
    for (const { 0: matched, index } of text.matchAll(wrappers)) {
      const [name = "", says = ""] = argumentsAt(text, index + matched.length - 1, "(");
      for (const each of namesIn(name)) add({ name: each, levels: ["warn"], fields: [], says: wordsOf(says), packages });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What stands between the bracket at or before a place and the one that closes it, divided at the commas of the first level. */
function argumentsAt(text: string, place: number, bracket: "(" | "{"): readonly string[] {
  let start = place;
  while (text[start] !== bracket && start >= 0) start--;
  const parts: string[] = [];
  let depth = 0;
  let quote = "";
  let part = "";
  for (let i = start; i < text.length; i++) {
    const letter = text[i] ?? "";
    if (quote !== "") {
      if (letter === "\\") {
        part += letter + (text[++i] ?? "");
        continue;
      }
      if (letter === quote) quote = "";
      part += letter;
      continue;
    }
    if (letter === '"' || letter === "`") quote = letter;
    if ("([{".includes(letter) && depth++ === 0) continue;
    if (")]}".includes(letter) && --depth === 0) break;
    if (letter === "," && depth === 1) {
      parts.push(part.trim().replace(/\s+/g, " "));
      part = "";
    } else part += letter;
  }
  if (part.trim() !== "") parts.push(part.trim().replace(/\s+/g, " "));
  return parts;
}

/** The literals of an expression, a template with what it fills in in angle brackets; none of a variable. */
function namesIn(expression: string): readonly string[] {
  const texts = [...expression.matchAll(/"([a-z][a-z.-]*\.[a-z-]+)"|`([^`]+)`/g)];
  return texts.map(([, literal, template = ""]) => literal ?? template.replace(/\$\{(?:[\w?.]*\.)?(\w+)[^}]*\}/g, "<$1>"));
}

/** A field's name; what is spread in as `…name`. */
function fieldOf(part: string): string {
  const named = /^(\w+)(?::|$)/.exec(part)?.[1];
  return named ?? `…${/(\w+)\W*$/.exec(part.replace(/[[{(].*$/, ""))?.[1] ?? "more"}`;
}

function wordsOf(expression: string): string {
  const [, text = ""] = /[`"]([\s\S]*?)[`"](?:,|$)/.exec(expression.replace(/\$\{[^`]*?\}/g, "…")) ?? [];
  return text
    .replace(/…[\w)}\s:?."]*…/g, "…")
    .replaceAll("|", "\\|")
    .trim();
}
