/** `--help` and `--print-config`, both made from the option table. */
import { stringify } from "yaml";
import { placeholder } from "./flags.js";
import { fieldsOf, flatten, isGroup, isOption, type Option, type OptionTable, variablesOf } from "./option.js";

const width = 80;

/** What a command says of itself besides its settings. */
export interface HelpOptions {
  /** Such as `legation agent [flags]`. */
  readonly usage: string;
  /** One or a few sentences. */
  readonly summary: string;
  /** The flag that names the configuration file, if there is one. */
  readonly fileFlag?: string;
  /** Command lines. */
  readonly examples?: readonly string[];
}

/** The text of `--help`, within 80 columns: summary, usage, the settings with a flag, the others, examples. Ends with a newline. */
export function helpText(table: OptionTable, options: HelpOptions): string {
  const settings = flatten(table);
  const flagged = settings.filter(([, option]) => option.spec.flag);
  const others = settings.filter(([, option]) => !option.spec.flag);
  const sections: string[][] = [wrap(options.summary, 0), [`Usage: ${wrap(options.usage, 7).join("\n").trimStart()}`]];
  if (settings.length > 0 && options.fileFlag)
    sections.push(
      wrap("A flag goes before an environment variable, and a variable before the file. What stands in [] is the same setting there.", 0),
    );
  const file = options.fileFlag ? [`  ${options.fileFlag} FILE`, ...wrap("The configuration, a YAML file.", 6)] : [];
  const help = ["  --help", ...wrap("Shows this text.", 6)];
  sections.push(["Flags:", ...file, ...flagged.flatMap(([path, option]) => entry(path, option, options.fileFlag !== undefined)), ...help]);
  if (others.length > 0) {
    const byEnvironment = others.some(([, option]) => variablesOf(option).length > 0);
    const title = !options.fileFlag ? "By environment:" : byEnvironment ? "By file or environment:" : "By file:";
    sections.push([title, ...others.flatMap(([path, option]) => entry(path, option, options.fileFlag !== undefined))]);
  }
  if (options.examples?.length) sections.push(["Examples:", ...options.examples.map((example) => `  ${example}`)]);
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** A setting; its path only where there is a file in which it could stand. */
function entry(path: string, option: Option<unknown>, inFile: boolean): string[] {
  const { spec } = option;
  const also = [...(spec.flag && inFile ? [path] : []), ...variablesOf(option)].join(", ");
  const description = /[.!?]$/.test(spec.description) ? spec.description : `${spec.description}.`;
  const choices = option.choices ? ` One of ${option.choices.join(", ")}.` : "";
  return [`  ${title(path, option)}`, ...wrap(`${description}${choices}${fallback(option)}${also ? ` [${also}]` : ""}`, 6)];
}

function title(path: string, option: Option<unknown>): string {
  const { flag, default: preset } = option.spec;
  if (!flag) return `${path} ${placeholder(option)}`;
  if (!option.isSwitch) return `${flag} ${placeholder(option)}`;
  return preset === true ? `--no-${flag.slice(2)}, ${flag}` : flag;
}

function fallback(option: Option<unknown>): string {
  const { spec } = option;
  if (spec.required) return " Required.";
  if (spec.default === undefined || spec.default === "" || (option.isSwitch && spec.flag && spec.default === false)) return "";
  const value = option.print(spec.default as Exclude<unknown, undefined>);
  if (typeof value === "object" && value !== null) {
    const parts = Array.isArray(value) ? value.map(String) : Object.entries(value).map(([key, text]) => `${key}=${text}`);
    return parts.length > 0 ? ` Default: ${parts.join(",")}.` : "";
  }
  return ` Default: ${value}.`;
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
