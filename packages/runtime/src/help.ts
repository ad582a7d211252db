/** `--help` as a manual page, made from the option table. */
import { placeholder } from "./flags.js";
import { flatten, type Option, type OptionTable, variablesOf } from "./option.js";

const width = 80;

/** A word that stands behind a command's name. */
export interface Operand {
  /** In capitals, such as `SERVICE`. */
  readonly name: string;
  readonly optional?: boolean;
  /** Several may stand there. */
  readonly repeated?: boolean;
  /** What can stand there, for completion: the words themselves, or what they name. */
  readonly values?: readonly string[] | "service" | "instance" | "proxy" | "file" | "directory";
}

/** What a command says of itself. */
export interface Page<T extends OptionTable = OptionTable> {
  /** Paragraphs of sentences. */
  readonly description: string | readonly string[];
  /** Its settings. */
  readonly options: T;
  /** What stands behind the name, before the flags. */
  readonly operands?: readonly Operand[];
  /** The command lines in short, where name, operands and `[flags]` do not say it. */
  readonly synopsis?: readonly string[];
  /** The flag that names the configuration file, if there is one. */
  readonly fileFlag?: string;
  /** Flags that are no settings, each with its effect. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Variables that are no settings, each with its effect. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What each exit code means. */
  readonly exitStatus?: Readonly<Record<string, string>>;
  /** Command lines; a pair has a sentence behind it. */
  readonly examples?: readonly (string | readonly [line: string, effect: string])[];
  /** The commands below it. */
  readonly commands?: readonly { readonly name: string; readonly summary: string }[];
  /** Other commands and documents. */
  readonly seeAlso?: readonly string[];
}

/** Whose page it is: `legation agent`, and what that does in a line without a full stop. */
export interface PageTitle {
  readonly name: string;
  readonly summary: string;
}

/** The page as text, within 80 columns where no single word is longer. Ends with a newline. */
export function helpText(page: Page, { name, summary }: PageTitle): string {
  const { options, fileFlag, examples = [], seeAlso = [], exitStatus = {} } = page;
  const settings = flatten(options);
  const inFile = fileFlag !== undefined;
  const flagged = settings.filter(([, option]) => option.spec.flag);
  const others = inFile ? settings.filter(([, option]) => !option.spec.flag) : [];
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ["NAME", wrap(`${name} - ${summary}`, 2, 6)],
    ["SYNOPSIS", synopsisOf(page, name).flatMap((line) => wrap(line, 2, 6))],
    ["DESCRIPTION", [page.description].flat().flatMap((text, i) => [...(i > 0 ? [""] : []), ...wrap(text, 2)])],
    ["COMMANDS", columns(Object.fromEntries((page.commands ?? []).map((command) => [command.name, command.summary])))],
    [
      "OPTIONS",
      [
        ...(inFile ? named(`${fileFlag} FILE`, "The configuration, a YAML file.") : []),
        ...flagged.flatMap(([path, option]) => entry(path, option, inFile)),
        ...Object.entries(page.flags ?? {}).flatMap(([flag, effect]) => named(flag, sentence(effect))),
        ...named("--help, -h", "Shows this text."),
      ],
    ],
    ["SETTINGS", others.flatMap(([path, option]) => entry(path, option, true))],
    ["ENVIRONMENT", environmentOf(page, settings)],
    ["EXIT STATUS", columns(exitStatus)],
    ["EXAMPLES", examples.flatMap(example)],
    ["SEE ALSO", seeAlso.length > 0 ? wrap(seeAlso.join(", "), 2) : []],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  return `${shown.map(([title, lines]) => [title, ...lines].join("\n")).join("\n\n")}\n`;
}

function synopsisOf({ synopsis, operands = [], commands = [] }: Page, name: string): readonly string[] {
  if (synopsis) return synopsis;
  if (commands.length > 0) return [`${name} COMMAND [flags]`];
  return [[name, ...operands.map(operandText), "[flags]"].join(" ")];
}

function operandText({ name, optional = false, repeated = false }: Operand): string {
  const text = repeated ? `${name}…` : name;
  return optional ? `[${text}]` : text;
}

function example(text: string | readonly [line: string, effect: string]): string[] {
  const [line, effect] = typeof text === "string" ? [text] : text;
  return [...folded(line), ...(effect === undefined ? [] : wrap(effect, 6))];
}

/** A command line over several lines where it is too long for one, broken between words as a shell reads them. */
function folded(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const lines: string[] = [];
  let current = " ";
  for (const word of words) {
    if (current.length + 1 + word.length > width - 2 && current.trim() !== "") {
      lines.push(`${current} \\`);
      current = "     ";
    }
    current += ` ${word}`;
  }
  return [...lines, current];
}

/** Without a file, the variable of each setting; with one they stand behind the settings. */
function environmentOf({ fileFlag, environment = {} }: Page, settings: readonly [string, Option<unknown>][]): string[] {
  const order = "A flag goes before an environment variable, and a variable before the file. What stands in [] is the same setting there.";
  const own = settings.flatMap(([, option]) => {
    const variables = variablesOf(option);
    const { flag, description } = option.spec;
    return variables.length > 0 ? named(variables.join(", "), flag ? `As ${flag}.` : `${sentence(description)}${fallback(option)}`) : [];
  });
  const others = Object.entries(environment).flatMap(([name, effect]) => named(name, sentence(effect)));
  return fileFlag === undefined ? [...own, ...others] : [...wrap(order, 2), ...others];
}

/** Two columns: what is meant, and its meaning. */
function columns(entries: Readonly<Record<string, string>>): string[] {
  const room = Math.max(0, ...Object.keys(entries).map((name) => name.length)) + 2;
  return Object.entries(entries).flatMap(([name, meaning]) => {
    const [first = "", ...rest] = wrap(meaning, 2 + room);
    return [`  ${name.padEnd(room)}${first.trimStart()}`, ...rest];
  });
}

function named(name: string, effect: string): string[] {
  return [...wrap(name, 2), ...wrap(effect, 6)];
}

/** A setting; its path and its variables only where there is a file in which it could stand. */
function entry(path: string, option: Option<unknown>, inFile: boolean): string[] {
  const { spec } = option;
  const also = inFile ? [...(spec.flag ? [path] : []), ...variablesOf(option)].join(", ") : "";
  const choices = option.choices ? ` One of ${option.choices.join(", ")}.` : "";
  return named(title(path, option), `${sentence(spec.description)}${choices}${fallback(option)}${also ? ` [${also}]` : ""}`);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function title(path: string, option: Option<unknown>): string {
  const { flag, default: preset, alone } = option.spec;
  if (!flag) return `${path} ${placeholder(option)}`;
  if (!option.isSwitch) return alone === undefined ? `${flag} ${placeholder(option)}` : `${flag} [${placeholder(option)}]`;
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

/** Lines that begin behind `indent` spaces, all but the first behind `rest`. */
function wrap(text: string, indent: number, rest = indent): string[] {
  const lines: string[] = [];
  let line = " ".repeat(indent);
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = " ".repeat(rest) + word;
    } else line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
