/** Command-line flags: `--flag value`, `--flag=value`, `--flag` and `--no-flag` for true and false. */
import { nearest } from "./nearest.js";
import { flatten, type Option, type OptionTable } from "./option.js";

/** What was found on a command line. */
export interface ParsedFlags {
  /** By the option's dotted path. Repeated flags of a list or map are joined with commas. */
  readonly values: ReadonlyMap<string, { readonly flag: string; readonly raw: string }>;
  readonly positional: readonly string[];
  readonly problems: readonly string[];
}

/** Reads `argv` by the flags of `table`; after `--` everything is positional. */
export function parseFlags(table: OptionTable, argv: readonly string[], fileFlag?: string): ParsedFlags {
  const byFlag = new Map<string, [string, Option<unknown>]>();
  for (const [path, option] of flatten(table)) if (option.spec.flag) byFlag.set(option.spec.flag, [path, option]);
  const values = new Map<string, { flag: string; raw: string }>();
  const positional: string[] = [];
  const problems: string[] = [];

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") {
      positional.push(...argv.slice(i + 1));
      break;
    }
    if (!word.startsWith("--")) {
      positional.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const flag = equals < 0 ? word : word.slice(0, equals);
    let raw = equals < 0 ? undefined : word.slice(equals + 1);
    const negated = byFlag.get(flag.replace(/^--no-/, "--"));
    const hit = byFlag.get(flag);
    if (!hit && flag.startsWith("--no-") && negated?.[1].kind === "true|false" && raw === undefined) {
      values.set(negated[0], { flag, raw: "false" });
      continue;
    }
    if (!hit && flag !== fileFlag) {
      const meant = nearest(flag, byFlag.keys());
      problems.push(`unknown flag ${flag}.${meant ? ` Did you mean ${meant}?` : " See --help"}`);
      const next = argv[i + 1];
      if (raw === undefined && next !== undefined && !next.startsWith("--")) i++;
      continue;
    }
    if (raw === undefined) {
      const next = argv[i + 1];
      if (hit?.[1].kind === "true|false" && !(next === "true" || next === "false")) raw = "true";
      else if (next === undefined || next.startsWith("--")) {
        problems.push(`${flag} needs a value (${hit ? hit[1].kind : "a file"}). Write ${flag} VALUE`);
        continue;
      } else {
        raw = next;
        i++;
      }
    }
    if (!hit) continue;
    const [path, option] = hit;
    const before = values.get(path);
    if (before && !option.repeatable) problems.push(`${flag} is given twice. Give it once`);
    values.set(path, { flag, raw: before && option.repeatable ? `${before.raw},${raw}` : raw });
  }
  return { values, positional, problems };
}
