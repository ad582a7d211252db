/** What one field of a configuration is: its kind, default, unit, effect, and where else than in the file it may be set. */
import { formatDuration, parseDuration } from "./duration.js";

/** Where a value was written. In the environment and in flags everything is text. */
export type Written = "file" | "env" | "flag";

/** What reading a value yields: the value, or a sentence that says what is wrong and the fix. */
export type Reading<T> = { readonly value: T } | { readonly problem: string };

/** How an option is described; every kind takes these. */
export interface OptionSpec<T> {
  /** What the field does, as a sentence for `--help`. */
  readonly description: string;
  /** The value when nobody sets one. */
  readonly default?: T;
  /** Environment variables that set it; the first one present wins. */
  readonly env?: string | readonly string[];
  /** The flag that sets it, with its dashes. */
  readonly flag?: string;
  /** For people, such as `ms` or `host:port`. */
  readonly unit?: string;
  /** A sentence that says what is wrong with a value and the fix, or undefined when it is right. */
  readonly check?: (value: T) => string | undefined;
  /** Not shown by `--print-config`. */
  readonly secret?: boolean;
}

/** One option. `T` is the value's type, undefined included when it has no default. */
export interface Option<T> {
  readonly option: true;
  readonly kind: string;
  readonly spec: OptionSpec<NonNullable<T>>;
  /** True for lists, whose flag may be repeated. */
  readonly repeatable: boolean;
  /** Reads a raw value; `check` has been applied. */
  readonly read: (raw: unknown, written: Written) => Reading<NonNullable<T>>;
  /** Writes a value as it would stand in the file. */
  readonly print: (value: NonNullable<T>) => unknown;
  /** Phantom, for the value's type. */
  readonly type?: T;
}

type Spec<T> = OptionSpec<T>;
type Optional<T, S> = S extends { readonly default: T } ? T : T | undefined;

const shown = (raw: unknown) => JSON.stringify(raw) ?? String(raw);

function define<T, S extends Spec<T>>(
  kind: string,
  spec: S,
  parse: (raw: unknown, written: Written) => Reading<T>,
  extra: { repeatable?: boolean; print?: (value: T) => unknown } = {},
): Option<Optional<T, S>> {
  const read = (raw: unknown, written: Written): Reading<T> => {
    const reading = parse(raw, written);
    if ("problem" in reading) return reading;
    const problem = spec.check?.(reading.value);
    return problem ? { problem: `${shown(raw)}: ${problem}` } : reading;
  };
  return {
    option: true,
    kind,
    spec,
    repeatable: extra.repeatable ?? false,
    read,
    print: extra.print ?? ((value: T) => value),
  } as unknown as Option<Optional<T, S>>;
}

function text(raw: unknown): string | undefined {
  return typeof raw === "string" ? raw : typeof raw === "number" || typeof raw === "boolean" ? String(raw) : undefined;
}

function words(raw: unknown): string[] | undefined {
  if (typeof raw === "string")
    return raw
      .split(",")
      .map((w) => w.trim())
      .filter(Boolean);
  if (!Array.isArray(raw)) return undefined;
  const list = raw.map(text);
  return list.every((w) => w !== undefined) ? (list as string[]) : undefined;
}

function pairs(raw: unknown): Record<string, string> | undefined {
  if (typeof raw === "string") {
    const entries = raw
      .split(",")
      .map((w) => w.trim())
      .filter(Boolean)
      .map((w) => w.split(/=(.*)/s).slice(0, 2));
    return entries.every((e) => e.length === 2) ? Object.fromEntries(entries) : undefined;
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  const entries = Object.entries(raw).map(([key, value]) => [key, text(value)]);
  return entries.every(([, value]) => value !== undefined) ? Object.fromEntries(entries) : undefined;
}

const bad = (raw: unknown, what: string) => ({ problem: `${shown(raw)} is not ${what}` });

/** The kinds of option. Each takes an `OptionSpec`; without a default its value may be undefined. */
export const option = {
  /** Text. */
  string: <S extends Spec<string>>(spec: S) =>
    define<string, S>("text", spec, (raw) => {
      const value = text(raw);
      return value === undefined ? bad(raw, "text") : { value };
    }),
  /** A whole number. */
  integer: <S extends Spec<number>>(spec: S) =>
    define<number, S>("number", spec, (raw) => {
      const value = typeof raw === "number" ? raw : typeof raw === "string" && raw.trim() !== "" ? Number(raw) : Number.NaN;
      return Number.isInteger(value) ? { value } : bad(raw, "a whole number");
    }),
  /** True or false. */
  boolean: <S extends Spec<boolean>>(spec: S) =>
    define<boolean, S>("true|false", spec, (raw) => {
      const word = typeof raw === "string" ? raw.toLowerCase() : raw;
      if (word === true || word === "true" || word === "1" || word === "yes" || word === "on") return { value: true };
      if (word === false || word === "false" || word === "0" || word === "no" || word === "off") return { value: false };
      return bad(raw, "true or false");
    }),
  /** A duration, held in milliseconds. A bare number is milliseconds in the environment, and refused elsewhere. */
  duration: <S extends Spec<number>>(spec: S) =>
    define<number, S>(
      "duration",
      spec,
      (raw, written) => {
        const value = written === "env" && /^\d+$/.test(String(raw)) ? Number(raw) : parseDuration(text(raw) ?? "");
        return value === undefined ? bad(raw, "a duration. Write 5s, 250ms or 1m") : { value };
      },
      { print: formatDuration },
    ),
  /** `host:port`; port 0 means "pick one, and keep it". */
  address: <S extends Spec<string>>(spec: S) =>
    define<string, S>("host:port", { unit: "host:port", ...spec }, (raw) => {
      const value = text(raw) ?? "";
      const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/]+):(\d{1,5})$/.exec(value);
      return match && Number(match[2]) <= 65_535 ? { value } : bad(raw, "an address. Write host:port, such as 127.0.0.1:8080");
    }),
  /** A list of words: a YAML list, or words with commas between them. The flag may be repeated. */
  list: <S extends Spec<readonly string[]>>(spec: S) =>
    define<readonly string[], S>(
      "list",
      spec,
      (raw) => {
        const value = words(raw);
        return value ? { value } : bad(raw, "a list. Write [a, b], or a,b in a flag or variable");
      },
      { repeatable: true },
    ),
  /** Keys with values: a YAML map, or `k=v,k=v`. The flag may be repeated. */
  map: <S extends Spec<Readonly<Record<string, string>>>>(spec: S) =>
    define<Readonly<Record<string, string>>, S>(
      "map",
      spec,
      (raw) => {
        const value = pairs(raw);
        return value ? { value } : bad(raw, "a map of text. Write {key: value}, or key=value in a flag or variable");
      },
      { repeatable: true },
    ),
  /** One of a few words. */
  enumeration: <const V extends readonly string[], S extends Spec<V[number]>>(values: V, spec: S) =>
    define<V[number], S>(values.join("|"), spec, (raw) => {
      const value = values.find((v) => v === raw);
      return value === undefined ? bad(raw, `one of ${values.join(", ")}`) : { value };
    }),
};

/** A table of options; tables nest as the file does. */
export interface OptionTable {
  readonly [key: string]: Option<unknown> | OptionTable;
}

/** The values of a table, nested like it. */
export type ConfigValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : T[K] extends OptionTable ? ConfigValues<T[K]> : never;
};

/** True for an option, false for a nested table. */
export function isOption(entry: Option<unknown> | OptionTable): entry is Option<unknown> {
  return entry["option"] === true;
}

/** Every option of a table with its dotted path, in the table's order. */
export function flatten(table: OptionTable, prefix = ""): [string, Option<unknown>][] {
  return Object.entries(table).flatMap(([key, entry]) =>
    isOption(entry) ? [[prefix + key, entry] as [string, Option<unknown>]] : flatten(entry, `${prefix}${key}.`),
  );
}
