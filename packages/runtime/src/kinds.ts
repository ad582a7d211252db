/** The kinds of setting: what each accepts, and what it says about anything else. */
import { parseAddress } from "./address.js";
import { formatDuration, parseDuration } from "./duration.js";
import { nearest } from "./nearest.js";
import type { ConfigValues, Option, OptionGroup, OptionSpec, OptionTable } from "./option.js";
import {
  listReader,
  mapReader,
  quoted,
  type Reader,
  type Reading,
  rawOf,
  scalarReader,
  textsReader,
  type Written,
  wrong,
} from "./reading.js";
import { printTable, tableReader } from "./table.js";

/** What makes a setting always have a value. */
type Given<T> = { readonly default: T } | { readonly required: true };

/** Makes settings of one kind: the value may be undefined unless the setting has a default or is required. */
interface Kind<T, More = unknown> {
  (spec: OptionSpec<T> & More & Given<T>): Option<T>;
  (spec: OptionSpec<T> & More): Option<T | undefined>;
}

interface Range {
  /** The smallest value. */
  readonly min?: number;
  /** The largest value. */
  readonly max?: number;
}

type Strings = Readonly<Record<string, string>>;

const words: ReadonlyMap<string, boolean> = new Map([
  ...["true", "yes", "on", "1"].map((word) => [word, true] as const),
  ...["false", "no", "off", "0"].map((word) => [word, false] as const),
]);

const readString = scalarReader("text", (text) => text);
const readBoolean = scalarReader("true or false", (text) => words.get(text.toLowerCase()));
const readDuration = scalarReader("a duration. Write 5s, 250ms or 1m", (text, written) =>
  written.in === "env" && /^\d+$/.test(text) ? Number(text) : parseDuration(text),
);
const readAddress = scalarReader("an address. Write host:port, such as 127.0.0.1:8080", (text) => (parseAddress(text) ? text : undefined));

/** The kinds of setting. Each takes an `OptionSpec` and makes one entry of an `OptionTable`. */
export const option = {
  /** Text. In a file, numbers and other words are taken as they are written: `version: 1.10` is "1.10". */
  string: kind("text", () => readString),
  /** A whole number, from `min` to `max`. */
  integer: kind<number, Range>("number", (spec) => numberReader("a whole number", spec, Number.isInteger)),
  /** Any number, from `min` to `max`. */
  number: kind<number, Range>("number", (spec) => numberReader("a number", spec, Number.isFinite)),
  /** True or false; also yes, no, on, off, 1, 0. The flag alone means true, and with `--no-` false. */
  boolean: kind("true|false", () => readBoolean, { isSwitch: true }),
  /** A duration, held in milliseconds. A bare number is milliseconds in the environment, and refused elsewhere. */
  duration: kind("duration", () => readDuration, { print: formatDuration }),
  /** `host:port`; port 0 is allowed. */
  address: kind("host:port", () => readAddress),
  /** Words: a YAML list, or words with commas between them. A repeated flag appends. */
  list: kind<readonly string[]>("list", () => listReader(readString)),
  /** Texts that may hold commas: a YAML list, or a text for each time the flag is given. */
  texts: kind<readonly string[]>("text", () => textsReader),
  /** A list whose elements are read and checked by `item`, such as `option.address({ description: "a replica" })`. */
  listOf<V>(item: Option<V>, spec: OptionSpec<readonly Exclude<V, undefined>[]>): Option<readonly Exclude<V, undefined>[]> {
    return define<readonly Exclude<V, undefined>[]>(`list of ${item.kind}`, { default: [], ...spec }, listReader(item.read), {
      print: (values) => values.map((value) => item.print(value)),
    });
  },
  /** A list of maps, each read by `fields`; in a file only. `check` says what is wrong with one of them, and the fix. */
  tables<F extends OptionTable>(spec: {
    readonly description: string;
    readonly fields: F;
    check?(value: ConfigValues<F>): string | undefined;
  }): Option<readonly ConfigValues<F>[]> {
    const { description, fields, check } = spec;
    const print = (values: readonly ConfigValues<F>[]) => values.map((value) => printTable(fields, value));
    return define<readonly ConfigValues<F>[]>("list of maps", { description, default: [] }, tableReader(fields, check), { print });
  },
  /** Keys with text: a YAML map, or `key=value` with commas between them. A repeated flag appends. */
  map: kind<Strings>("map", () => mapReader),
  /** One of `values`. */
  enumeration,
  /** Anything else: `parse` gets text from variables and flags and plain values from files, and returns the value or a problem. */
  parsed,
  /** A nested table that may be absent as a whole. */
  object<F extends OptionTable>(spec: { readonly description: string; readonly fields: F }): OptionGroup<F> {
    return { group: true, ...spec };
  },
};

function enumeration<const V extends readonly string[]>(values: V, spec: OptionSpec<V[number]> & Given<V[number]>): Option<V[number]>;
function enumeration<const V extends readonly string[]>(values: V, spec: OptionSpec<V[number]>): Option<V[number] | undefined>;
function enumeration<V extends readonly string[]>(values: V, spec: OptionSpec<V[number]>): Option<V[number]> {
  const read: Reader<V[number]> = (written) => {
    const text = String(rawOf(written));
    const value = values.find((candidate) => candidate === text);
    if (value !== undefined) return { value };
    const meant = nearest(text, values);
    return wrong(`${quoted(written)} is none of ${values.join(", ")}.${meant ? ` Did you mean ${meant}?` : ""}`);
  };
  return { ...define("word", spec, read), choices: values };
}

type Parse<T> = (raw: unknown, where: Written["in"]) => { readonly value: T } | { readonly problem: string };
function parsed<T>(name: string, parse: Parse<T>, spec: OptionSpec<T> & Given<T>): Option<T>;
function parsed<T>(name: string, parse: Parse<T>, spec: OptionSpec<T>): Option<T | undefined>;
function parsed<T>(name: string, parse: Parse<T>, spec: OptionSpec<T>): Option<T> {
  return define(name, spec, (written) => {
    const reading = parse(rawOf(written), written.in);
    return "problem" in reading ? wrong(reading.problem) : reading;
  });
}

interface Traits<T> {
  readonly isSwitch?: boolean;
  print?(value: T): unknown;
}

function kind<T, More = unknown>(name: string, reader: (spec: OptionSpec<T> & More) => Reader<T>, traits: Traits<T> = {}): Kind<T, More> {
  return (spec: OptionSpec<T> & More) => define(name, spec, reader(spec), traits) as Option<T>;
}

function define<T>(name: string, spec: OptionSpec<T>, reader: Reader<T>, traits: Traits<T> = {}): Option<T> {
  const read = (written: Written): Reading<T> => {
    const reading = reader(written);
    if (!("value" in reading)) return spec.secret ? wrong(`the value is no ${name}.`) : reading;
    const sentence = spec.check?.(reading.value);
    return sentence ? wrong(`${spec.secret ? "the value" : quoted(written)} ${sentence}`) : reading;
  };
  const { isSwitch = false, print = (value: T) => value } = traits;
  return { option: true, kind: name, spec, isSwitch, read, print } as unknown as Option<T>;
}

function numberReader(what: string, { min, max }: Range, accept: (value: number) => boolean): Reader<number> {
  const range =
    min !== undefined && max !== undefined
      ? ` from ${min} to ${max}`
      : min !== undefined
        ? ` of at least ${min}`
        : max !== undefined
          ? ` of at most ${max}`
          : "";
  return scalarReader(what + range, (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    return accept(value) && value >= (min ?? value) && value <= (max ?? value) ? value : undefined;
  });
}
