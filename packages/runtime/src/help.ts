/** `--help` and `--print-config`, both made from the option table. */
import { stringify } from "yaml";
import { flatten, isOption, type OptionTable } from "./option.js";

const width = 80;

/** The text of `--help`, within 80 columns: usage, summary, every option that has a flag or a variable, examples. */
export function helpText(table: OptionTable, options: { usage: string; summary: string; examples?: readonly string[] }): string {
  const lines = [`Usage: ${options.usage}`, "", ...wrap(options.summary, 0), "", "Options (file path, flag, variable; later wins):"];
  for (const [path, { kind, spec, print }] of flatten(table)) {
    const names = [spec.flag, ...[spec.env ?? []].flat()].filter(Boolean).join(", ");
    const fallback = spec.default === undefined ? "" : ` Default: ${brief(print(spec.default as never))}.`;
    lines.push(
      "",
      ...wrap(`${path}  <${kind}>${names ? `  ${names}` : ""}`, 2),
      ...wrap(`${spec.description}${/[.!?]$/.test(spec.description) ? "" : "."}${fallback}`, 6),
    );
  }
  if (options.examples?.length) lines.push("", "Examples:", ...options.examples.map((e) => `  ${e}`));
  return `${lines.join("\n")}\n`;
}

function brief(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(",");
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0 ? "none" : JSON.stringify(value);
  return String(value);
}

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && indent + line.length + 1 + word.length > width) {
      lines.push(" ".repeat(indent) + line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  lines.push(" ".repeat(indent) + line);
  return lines;
}

/** The configuration as YAML with each value's origin behind it; secrets are shown as `(secret)`. */
export function printConfig(table: OptionTable, values: object, origins: Readonly<Record<string, string>>): string {
  const lines: string[] = [];
  const walk = (level: OptionTable, at: Record<string, unknown>, prefix: string, indent: string) => {
    for (const [key, entry] of Object.entries(level)) {
      if (!isOption(entry)) {
        lines.push(`${indent}${key}:`);
        walk(entry, at[key] as Record<string, unknown>, `${prefix}${key}.`, `${indent}  `);
        continue;
      }
      const value = at[key];
      const printed = value === undefined ? null : entry.spec.secret ? "(secret)" : entry.print(value as never);
      const text = stringify(printed, { collectionStyle: "flow", lineWidth: 0 }).trimEnd();
      lines.push(`${`${indent}${key}: ${text}`.padEnd(46)} # ${origins[prefix + key] ?? "default"}`);
    }
  };
  walk(table, values as Record<string, unknown>, "", "");
  return `${lines.join("\n")}\n`;
}
