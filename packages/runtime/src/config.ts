/** Reads a process's configuration: file, then environment, then flags, later wins, each value with its origin. */
import { LegationError } from "./errors.js";
import { parseFlags } from "./flags.js";
import { nearest } from "./nearest.js";
import { type ConfigValues, flatten, isOption, type Option, type OptionTable, type Written } from "./option.js";
import { parseFile } from "./yaml-file.js";

/** Everything that is wrong with a configuration, a line each. Code `config`. */
export class ConfigError extends LegationError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super("config", problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** A file's name, for messages, and its text. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** Where values are looked for. `argv` holds no command name. */
export interface ConfigInput {
  readonly file?: ConfigFile | readonly ConfigFile[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly argv?: readonly string[];
  /** The flag that names the file, accepted and left alone here (see `fileArgument`). */
  readonly fileFlag?: string;
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
 * Reads every option of `table`. Throws a ConfigError that lists all problems at once, each with its file, line and path
 * (or its variable or flag) and the fix; unknown keys and flags are problems, with the nearest known one proposed.
 */
export function loadConfig<T extends OptionTable>(table: T, input: ConfigInput): LoadedConfig<T> {
  const problems: string[] = [];
  const found = new Map<string, { value: unknown; origin: string }>();
  const options = flatten(table);

  const take = (path: string, option: Option<unknown>, raw: unknown, written: Written, origin: string, where: string) => {
    const reading = option.read(raw, written);
    if ("problem" in reading) problems.push(`${where}: ${reading.problem}`);
    else found.set(path, { value: reading.value, origin });
  };

  for (const file of [input.file ?? []].flat()) {
    const parsed = parseFile(file);
    problems.push(...parsed.problems);
    const walk = (level: OptionTable, raw: unknown, prefix: string) => {
      if (raw === undefined || raw === null) return;
      if (typeof raw !== "object" || Array.isArray(raw)) {
        const at = prefix.replace(/\.$/, "");
        problems.push(
          `${file.path}:${parsed.line(at)}: ${at ? `${at}: ` : ""}${JSON.stringify(raw)} is not a map. Write its fields below it, indented`,
        );
        return;
      }
      for (const [key, value] of Object.entries(raw)) {
        const path = prefix + key;
        const entry = Object.hasOwn(level, key) ? level[key] : undefined;
        const origin = `${file.path}:${parsed.line(path)}`;
        if (!entry) problems.push(`${origin}: unknown key ${path}.${proposal(key, Object.keys(level), prefix)}`);
        else if (!isOption(entry)) walk(entry, value, `${path}.`);
        else if (value !== null) take(path, entry, value, "file", origin, `${origin}: ${path}`);
      }
    };
    walk(table, parsed.value, "");
  }

  for (const [path, option] of options) {
    for (const variable of [option.spec.env ?? []].flat()) {
      const raw = input.env?.[variable];
      if (raw === undefined || raw === "") continue;
      take(path, option, raw, "env", variable, variable);
      break;
    }
  }

  const flags = parseFlags(table, input.argv ?? [], input.fileFlag);
  problems.push(...flags.problems);
  for (const [path, { flag, raw }] of flags.values) {
    const option = options.find(([p]) => p === path)?.[1];
    if (option) take(path, option, raw, "flag", flag, flag);
  }

  if (problems.length > 0) throw new ConfigError(problems);
  const origins: Record<string, string> = {};
  for (const [path] of options) origins[path] = found.get(path)?.origin ?? "default";
  const nest = (level: OptionTable, prefix: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(level).map(([key, entry]) => {
        if (!isOption(entry)) return [key, nest(entry, `${prefix}${key}.`)];
        const hit = found.get(prefix + key);
        return [key, hit ? hit.value : entry.spec.default];
      }),
    );
  return { values: nest(table, "") as ConfigValues<T>, origins, positional: flags.positional };
}

function proposal(key: string, known: readonly string[], prefix: string): string {
  const meant = nearest(key, known);
  return meant ? ` Did you mean ${prefix}${meant}?` : ` Known here: ${known.join(", ")}`;
}
