/** A list of maps in which every map is read by one table of settings, such as a service's checks. */
import { type DocumentNode, display } from "./document.js";
import { nearest } from "./nearest.js";
import { type ConfigValues, fieldsOf, isGroup, isOption, type OptionTable } from "./option.js";
import { type Problem, quoted, type Reader, wrong } from "./reading.js";

/**
 * Reads a YAML list of maps, each by `fields`, with the same rules as a whole file: unknown keys and missing required values are problems,
 * each with its place (`[1].http.path`) and line. `check` says what is wrong with one map as a whole.
 */
export function tableReader<F extends OptionTable>(
  fields: F,
  check: (value: ConfigValues<F>) => string | undefined = () => undefined,
): Reader<readonly ConfigValues<F>[]> {
  return (written) => {
    if (written.in !== "file") return wrong(`${quoted(written)} cannot be read here. Write it in the configuration file.`);
    if (written.node.is !== "list") return wrong(`${quoted(written)} is not a list. Begin each of its maps with "- ".`);
    const problems: Problem[] = [];
    const values = written.node.items.map((item, index) => {
      const before = problems.length;
      const value = readMap(fields, item, `[${index}]`, problems) as ConfigValues<F>;
      const sentence = problems.length === before ? check(value) : undefined;
      if (sentence) problems.push({ sentence, at: `[${index}]`, line: item.line });
      return value;
    });
    return problems.length > 0 ? { problems } : { value: values };
  };
}

function readMap(fields: OptionTable, node: DocumentNode, at: string, problems: Problem[]): Record<string, unknown> {
  if (node.is !== "map" && !(node.is === "scalar" && node.value === null)) {
    problems.push({ sentence: `${display(node)} is not a map. Write its settings as "key: value".`, at, line: node.line });
    return {};
  }
  const entries = node.is === "map" ? node.entries : [];
  for (const { key, line } of entries) {
    if (Object.hasOwn(fields, key)) continue;
    const meant = nearest(key, Object.keys(fields));
    const advice = meant ? `Did you mean ${meant}?` : `Known here: ${Object.keys(fields).join(", ")}.`;
    problems.push({ sentence: `there is no such key. ${advice}`, at: `${at}.${key}`, line });
  }
  return Object.fromEntries(
    Object.entries(fields).map(([key, field]): [string, unknown] => {
      const place = `${at}.${key}`;
      const entry = entries.find((candidate) => candidate.key === key);
      if (!isOption(field)) {
        if (!entry && isGroup(field)) return [key, undefined];
        return [key, readMap(fieldsOf(field), entry?.node ?? { is: "map", line: node.line, entries: [] }, place, problems)];
      }
      const empty = entry?.node.is === "scalar" && entry.node.value === null;
      if (!entry || empty) {
        if (empty || field.spec.required)
          problems.push({ sentence: "the value is missing. Write one, or leave the line out.", at: place, line: entry?.line ?? node.line });
        return [key, field.spec.default];
      }
      const reading = field.read({ in: "file", node: entry.node });
      if ("value" in reading) return [key, reading.value];
      for (const problem of reading.problems) problems.push({ line: entry.line, ...problem, at: `${place}${problem.at ?? ""}` });
      return [key, undefined];
    }),
  );
}

/** The maps as they would stand in the file, without what nobody set; secrets are shown as `(secret)`. */
export function printTable(fields: OptionTable, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, field]): [string, unknown][] => {
      const value = values[key];
      if (value === undefined) return [];
      if (!isOption(field)) return [[key, printTable(fieldsOf(field), value as Readonly<Record<string, unknown>>)]];
      if (JSON.stringify(value) === JSON.stringify(field.spec.default)) return [];
      return [[key, field.spec.secret ? "(secret)" : field.print(value as Exclude<unknown, undefined>)]];
    }),
  );
}
