/** What one setting is: its kind, default, unit and effect, and where else than in the file it may be set. */
import type { Reader } from "./reading.js";

/** How a setting is described; every kind takes these. */
export interface OptionSpec<T> {
  /** What the setting does, as a sentence for `--help`. */
  readonly description: string;
  /** The value when nobody sets one. */
  readonly default?: T;
  /** When true, nobody setting one is a problem. */
  readonly required?: boolean;
  /** The environment variables that set it; the first that is present and not empty wins. */
  readonly env?: string | readonly string[];
  /** The flag that sets it, with its dashes, such as `--port`. */
  readonly flag?: string;
  /** What the flag means without a value, as it would be written: `2s`. Without this, the flag needs one. */
  readonly alone?: string;
  /** For people: what to write in its place, such as `bytes` or `URL`. */
  readonly unit?: string;
  /** When true, neither `printConfig` nor a message shows the value. */
  readonly secret?: boolean;
  /**
   * Undefined when a value is right; else what is wrong with it and the fix, as it goes on behind the quoted value: `is too short. Write
   * 1s or more`. The default is not checked.
   */
  check?(value: T): string | undefined;
}

/** One setting. `V` is its value's type, undefined included when it is neither required nor has a default. */
export interface Option<V> {
  readonly option: true;
  /** What to write, for `--help`: `text`, `duration`. */
  readonly kind: string;
  /** The only words that it takes, where it takes only some. */
  readonly choices?: readonly string[];
  readonly spec: OptionSpec<Exclude<V, undefined>>;
  /** True for a boolean, whose flag takes no value. */
  readonly isSwitch: boolean;
  /** Reads and checks what was written. */
  readonly read: Reader<Exclude<V, undefined>>;
  /** Writes a value as it would stand in the file. */
  print(value: Exclude<V, undefined>): unknown;
  /** Never set; carries the value's type for the compiler. */
  readonly yields?: { readonly value: V };
}

/** A nested table that may be absent as a whole: undefined unless the file names it or one of its settings is set. */
export interface OptionGroup<F extends OptionTable> {
  readonly group: true;
  readonly description: string;
  readonly fields: F;
}

/** A table of settings; tables nest as the file does. */
export interface OptionTable {
  readonly [key: string]: Option<unknown> | OptionGroup<OptionTable> | OptionTable;
}

/** The values of a table, nested like it. */
export type ConfigValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { readonly option: true; readonly yields?: { readonly value: infer V } }
    ? V
    : T[K] extends OptionGroup<infer F>
      ? ConfigValues<F> | undefined
      : T[K] extends OptionTable
        ? ConfigValues<T[K]>
        : never;
};

/** True for a setting, false for a nested table. */
export function isOption(entry: Option<unknown> | OptionGroup<OptionTable> | OptionTable): entry is Option<unknown> {
  return "option" in entry && entry.option === true;
}

/** True for a nested table that may be absent. */
export function isGroup(entry: OptionGroup<OptionTable> | OptionTable): entry is OptionGroup<OptionTable> {
  return "group" in entry && entry.group === true;
}

/** The settings directly below a nested table, absent or not. */
export function fieldsOf(entry: OptionGroup<OptionTable> | OptionTable): OptionTable {
  return isGroup(entry) ? entry.fields : entry;
}

/** Every setting of a table with its dotted path, in the table's order. */
export function flatten(table: OptionTable, prefix = ""): [string, Option<unknown>][] {
  return Object.entries(table).flatMap(([key, entry]) =>
    isOption(entry) ? [[prefix + key, entry] as [string, Option<unknown>]] : flatten(fieldsOf(entry), `${prefix}${key}.`),
  );
}

/** The environment variables of a setting. */
export function variablesOf(option: Option<unknown>): readonly string[] {
  return [option.spec.env ?? []].flat();
}
