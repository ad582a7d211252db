/** Command-line flags: `--flag value`, `--flag=value`, and for true and false `--flag` and `--no-flag`. */
import { nearest } from "./nearest.js";
import { flatten, type Option, type OptionTable, variablesOf } from "./option.js";

/** What was found on a command line. */
export interface ParsedFlags {
  /** By the setting's dotted path: the flag, and its texts in the order they were given. */
  readonly values: ReadonlyMap<string, { readonly flag: string; readonly texts: readonly string[] }>;
  readonly positional: readonly string[];
  readonly problems: readonly string[];
}

/** Reads `argv` by the flags of `table`; after `--` everything is positional. `fileFlag` and its value are passed over. */
export function parseFlags(table: OptionTable, argv: readonly string[], fileFlag?: string): ParsedFlags {
  const options = flatten(table);
  const byFlag = new Map(options.flatMap(([path, option]) => (option.spec.flag ? [[option.spec.flag, { path, option }] as const] : [])));
  const values = new Map<string, { flag: string; texts: string[] }>();
  const positional: string[] = [];
  const problems: string[] = [];
  const set = (path: string, flag: string, text: string) => {
    values.set(path, { flag, texts: [...(values.get(path)?.texts ?? []), text] });
  };

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") {
      positional.push(...argv.slice(i + 1));
      break;
    }
    if (!isFlag(word)) {
      positional.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const flag = equals < 0 ? word : word.slice(0, equals);
    const attached = equals < 0 ? undefined : word.slice(equals + 1);
    const next = argv[i + 1];
    const hit = byFlag.get(flag);
    const negated = flag.startsWith("--no-") ? byFlag.get(`--${flag.slice(5)}`) : undefined;

    if (hit?.option.isSwitch) {
      const follows = attached === undefined && (next === "true" || next === "false");
      set(hit.path, flag, attached ?? (follows ? next : "true"));
      if (follows) i++;
    } else if (!hit && negated?.option.isSwitch) {
      if (attached === undefined) set(negated.path, flag, "false");
      else problems.push(`${flag}: takes no value. Write ${flag} alone, or --${flag.slice(5)}=${attached}.`);
    } else if (!hit && flag !== fileFlag) {
      problems.push(
        `${flag}: there is no such flag. ${advice(flag, options, [...byFlag.keys(), ...(fileFlag ? [fileFlag] : []), "--help"])}`,
      );
      if (attached === undefined && next !== undefined && !isFlag(next)) i++;
    } else if (attached !== undefined) {
      if (hit) set(hit.path, flag, attached);
    } else if (hit?.option.spec.alone !== undefined) {
      const follows = next !== undefined && !isFlag(next) && "value" in hit.option.read({ in: "flag", texts: [next] });
      set(hit.path, flag, follows ? next : hit.option.spec.alone);
      if (follows) i++;
    } else if (next === undefined || isFlag(next)) {
      problems.push(`${flag}: the value is missing. Write ${flag} ${placeholder(hit?.option)}.`);
    } else {
      if (hit) set(hit.path, flag, next);
      i++;
    }
  }
  return { values, positional, problems };
}

/** The values of one flag on a command line, in order, without knowledge of the others: `--config a.yaml --config=b.yaml`. */
export function flagValues(argv: readonly string[], flag: string): string[] {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? undefined : end).flatMap((word, i, words) => {
    if (word.startsWith(`${flag}=`)) return [word.slice(flag.length + 1)];
    const next = words[i + 1];
    return word === flag && next !== undefined && !isFlag(next) ? [next] : [];
  });
}

/** True when a command line asks for help, by `--help` or `-h`. */
export function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? undefined : end).some((word) => word === "--help" || word === "-h");
}

/** Every flag that a command line of this table may hold: `--json`, `--no-wait`. */
export function flagNames(table: OptionTable): readonly (readonly [flag: string, option: Option<unknown>])[] {
  return flatten(table).flatMap(([, option]) => {
    const { flag, default: preset } = option.spec;
    if (!flag) return [];
    return [[flag, option] as const, ...(option.isSwitch && preset === true ? [[`--no-${flag.slice(2)}`, option] as const] : [])];
  });
}

/** What stands for a setting's value in help and messages. */
export function placeholder(option: Option<unknown> | undefined): string {
  return (option?.spec.unit ?? option?.kind ?? "FILE").toUpperCase().replace(/ /g, "-");
}

/** True for `--flag` and `-f`, not for `-`, `-5` and plain words. */
function isFlag(word: string): boolean {
  return /^-{1,2}[A-Za-z]/.test(word);
}

function advice(flag: string, options: readonly [string, Option<unknown>][], flags: readonly string[]): string {
  const name = flag.replace(/^--?/, "");
  const same = options.find(
    ([path]) =>
      path
        .replace(/([A-Z])/g, "-$1")
        .replace(/\./g, "-")
        .toLowerCase() === name,
  );
  if (same && !same[1].spec.flag) return `Set ${[`${same[0]} in the file`, ...variablesOf(same[1])].join(" or ")}.`;
  const meant = nearest(
    name,
    flags.map((known) => known.slice(2)),
  );
  return meant ? `Did you mean --${meant}?` : "See --help.";
}
