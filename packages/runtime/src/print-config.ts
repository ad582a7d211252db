/** `--print-config`: a configuration as it stands, each value with its origin. */
import { stringify } from "yaml";
import { fieldsOf, isGroup, isOption, type OptionTable } from "./option.js";

/**
 * The configuration as YAML that can be read again, each value's origin behind it as a comment. What has no value is a comment itself;
 * secrets are shown as `(secret)`.
 */
export function printConfig(table: OptionTable, values: object, origins: Readonly<Record<string, string>>): string {
  const lines = printLevel(table, values as Readonly<Record<string, unknown>>, origins, "", "");
  const column = Math.min(48, Math.max(0, ...lines.map(({ text, origin }) => (origin ? text.length : 0))));
  return `${lines.map(({ text, origin }) => (origin ? `${text.padEnd(column)}  # ${origin}` : text)).join("\n")}\n`;
}

interface Line {
  readonly text: string;
  readonly origin?: string;
}

function printLevel(
  level: OptionTable,
  values: Readonly<Record<string, unknown>>,
  origins: Readonly<Record<string, string>>,
  prefix: string,
  indent: string,
): Line[] {
  return Object.entries(level).flatMap(([key, entry]) => {
    const value = values[key];
    if (value === undefined) return [{ text: `${indent}# ${key}: (not set)` }];
    if (!isOption(entry)) {
      const below = printLevel(fieldsOf(entry), value as Readonly<Record<string, unknown>>, origins, `${prefix}${key}.`, `${indent}  `);
      const empty = isGroup(entry) && below.every(({ text }) => text.trimStart().startsWith("#"));
      return [{ text: `${indent}${key}:${empty ? " {}" : ""}` }, ...below];
    }
    const printed = entry.spec.secret ? "(secret)" : entry.print(value as Exclude<unknown, undefined>);
    const yaml = stringify(printed, { collectionStyle: "flow", lineWidth: 0 }).trimEnd();
    return [
      { text: `${indent}${key}: ${yaml.includes("\n") ? JSON.stringify(printed) : yaml}`, origin: origins[prefix + key] ?? "default" },
    ];
  });
}
