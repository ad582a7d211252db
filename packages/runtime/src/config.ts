/** Reads a process's configuration: files, then environment, then flags, later wins, each value with its origin. */
import { readFileSync } from "node:fs";
import { type ConfigFile, parseConfigFile } from "./config-file.js";
import { type DocumentNode, display } from "./document.js";
import { codeOf, LegationError, messageOf } from "./errors.js";
import { flagValues, parseFlags } from "./flags.js";
import { nearest } from "./nearest.js";
import { type ConfigValues, fieldsOf, flatten, isGroup, isOption, type Option, type OptionTable, variablesOf } from "./option.js";
import type { Written } from "./reading.js";

/** Everything that is wrong with a configuration; its message has a line for each. Code `config`. */
export class ConfigError extends LegationError {
  /** Each with its place and the fix. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super("config", problems.length === 1 ? `${problems[0]}` : `${problems.length} problems\n${problems.map((p) => `  ${p}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** Where values are looked for; what is left out holds none. */
export interface ConfigInput {
  /** Later files win, setting by setting. */
  readonly file?: ConfigFile | readonly ConfigFile[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Without the command's name. */
  readonly argv?: readonly string[];
  /** The flag that names files: accepted here, and read by `readConfigFiles` before. */
  readonly fileFlag?: string;
  /** How many arguments that are no flags the command takes; default 0, and more are a problem. */
  readonly maxPositional?: number;
}

/** What `loadConfig` found. */
export interface LoadedConfig<T extends OptionTable> {
  readonly values: ConfigValues<T>;
  /** By dotted path: `default`, `service.yaml:12`, `SERVICE_NAME` or `--port`. */
  readonly origins: Readonly<Record<string, string>>;
  /** The arguments that are no flags. */
  readonly positional: readonly string[];
}

/**
 * Reads every setting of `table`. Throws a ConfigError that lists all problems at once, each with its file, line and path (or its
 * variable or flag) and the fix; unknown keys and flags are problems, with the nearest known one proposed. An empty variable counts as
 * not set.
 */
export function loadConfig<T extends OptionTable>(table: T, input: ConfigInput): LoadedConfig<T> {
  const found = new Found();
  const files = [input.file ?? []].flat();
  for (const file of files) readFile(table, file, found);
  for (const [path, option] of flatten(table)) {
    const variable = variablesOf(option).find((name) => input.env?.[name]);
    if (variable) found.take(path, option, { in: "env", text: input.env?.[variable] ?? "" }, variable, () => variable);
  }
  const flags = parseFlags(table, input.argv ?? [], input.fileFlag);
  found.problems.push(...flags.problems);
  for (const [path, option] of flatten(table)) {
    const given = flags.values.get(path);
    if (given) found.take(path, option, { in: "flag", texts: given.texts }, given.flag, () => given.flag);
  }
  for (const word of flags.positional.slice(input.maxPositional ?? 0)) {
    const fix = input.fileFlag && /\.(ya?ml|json)$/.test(word) ? `Write ${input.fileFlag} ${word}.` : "See --help.";
    found.problems.push(`${word}: unexpected argument. ${fix}`);
  }
  const values = nest(table, "", found, files.length === 1 ? `${files[0]?.path}: ` : "");
  if (found.problems.length > 0) throw new ConfigError(found.problems);
  const origins = Object.fromEntries(flatten(table).map(([path]) => [path, found.values.get(path)?.origin ?? "default"]));
  return { values: values as ConfigValues<T>, origins, positional: flags.positional };
}

/** Reads the files that `argv` names by `flag`, in order. Throws a ConfigError that names each one that cannot be read, and why. */
export function readConfigFiles(
  argv: readonly string[],
  flag: string,
  read: (path: string) => string = (path) => readFileSync(path, "utf8"),
): ConfigFile[] {
  const problems: string[] = [];
  const files = flagValues(argv, flag).flatMap((path) => {
    try {
      return [{ path, text: read(path) }];
    } catch (error) {
      const reasons: Record<string, string> = {
        ENOENT: "there is no such file",
        EACCES: "this user may not read it",
        EISDIR: "it is a folder",
      };
      problems.push(`${flag} ${path}: ${reasons[codeOf(error) ?? ""] ?? messageOf(error)}. Name a YAML file that can be read.`);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return files;
}

/** What has been read so far: the winning value of each path, and every problem. */
class Found {
  readonly values = new Map<string, { readonly value: unknown; readonly origin: string }>();
  /** The paths that somebody tried to set, rightly or wrongly, and the nested tables that a file names. */
  readonly named = new Set<string>();
  readonly problems: string[] = [];

  /** Reads a value. `place` says where it stands, for messages; within a file, a part of the value may have a line of its own. */
  take(path: string, option: Option<unknown>, written: Written, origin: string, place: (line?: number) => string): void {
    this.named.add(path);
    const reading = option.read(written);
    if ("value" in reading) this.values.set(path, { value: reading.value, origin });
    else
      for (const { at = "", line, sentence } of reading.problems)
        this.problems.push(`${place(line)}${at}: ${sentence}${/[.!?]$/.test(sentence) ? "" : "."}`);
  }
}

/** Takes one file's values; keys that the table does not have are problems. */
function readFile(table: OptionTable, file: ConfigFile, found: Found): void {
  const { root, problems } = parseConfigFile(file);
  found.problems.push(...problems);
  const walk = (level: OptionTable, node: DocumentNode, prefix: string) => {
    if (node.is === "scalar" && node.value === null) return;
    if (node.is !== "map") {
      const at = prefix ? `${prefix.slice(0, -1)}: ` : "";
      found.problems.push(`${file.path}:${node.line}: ${at}${display(node)} is not a map. Write its settings as "key: value", one a line.`);
      return;
    }
    for (const { key, line, node: value } of node.entries) {
      const path = prefix + key;
      const origin = `${file.path}:${line}`;
      const entry = Object.hasOwn(level, key) ? level[key] : undefined;
      if (!entry) found.problems.push(`${origin}: ${path}: there is no such key. ${advice(key, prefix, level, table)}`);
      else if (!isOption(entry)) {
        found.named.add(path);
        walk(fieldsOf(entry), value, `${path}.`);
      } else if (value.is === "scalar" && value.value === null) {
        found.named.add(path);
        found.problems.push(`${origin}: ${path}: the value is missing. Write one, or leave the line out.`);
      } else {
        const place = (at = line) => `${file.path}:${at}: ${path}`;
        found.take(path, entry, { in: "file", node: value }, origin, place);
      }
    }
  };
  if (root) walk(table, root, "");
}

/** Which key was meant: one beside it, else one of that name elsewhere in the table. */
function advice(key: string, prefix: string, level: OptionTable, table: OptionTable): string {
  const known = Object.keys(level);
  const meant = nearest(key, known);
  if (meant) return `Did you mean ${prefix}${meant}?`;
  const elsewhere = flatten(table).find(([path]) => path.endsWith(`.${key}`))?.[0];
  if (elsewhere) return `Did you mean ${elsewhere}?`;
  return known.length > 12 ? "--help lists the keys." : `Known here: ${known.join(", ")}.`;
}

/** Builds the nested values; a required setting that nobody set is a problem, at `where`. */
function nest(level: OptionTable, prefix: string, found: Found, where: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(level)) {
    const path = prefix + key;
    if (!isOption(entry)) {
      const absent = isGroup(entry) && ![...found.named].some((named) => named === path || named.startsWith(`${path}.`));
      values[key] = absent ? undefined : nest(fieldsOf(entry), `${path}.`, found, where);
      continue;
    }
    values[key] = found.values.has(path) ? found.values.get(path)?.value : entry.spec.default;
    if (entry.spec.required && values[key] === undefined && !found.named.has(path)) {
      const ways = [`${path} in the file`, ...variablesOf(entry), ...(entry.spec.flag ? [entry.spec.flag] : [])];
      found.problems.push(`${where}${path}: the value is missing. Set ${ways.join(", or ")}.`);
    }
  }
  return values;
}
