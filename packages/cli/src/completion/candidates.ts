/** What can stand at the end of a command line: commands, flags and values, from the tables that commands are read by. */
import { flagNames, type Operand, type Option, type Page } from "@legation/runtime/command-line";
import type { Command } from "../command.js";
import { type FoundCommand, findCommand, pageOf } from "../find-command.js";

/** One of them. */
export interface Candidate {
  readonly word: string;
  /** In a few words; empty where nothing is to be said. */
  readonly about: string;
}

/** What only the shell or the mesh knows. */
export type Named = Extract<Operand["values"], string>;

/** What can stand there: words, and whether files can. */
export interface Candidates {
  readonly words: readonly Candidate[];
  readonly files?: "file" | "directory";
}

/** Names that the mesh knows; empty when it cannot say them quickly. */
export type Names = (of: Exclude<Named, "file" | "directory">) => Promise<readonly string[]>;

const help: Candidate = { word: "--help", about: "Show the manual page" };
const nothing: Candidates = { words: [] };

/** What can stand in the place of the last of `words`, of which it may be the beginning; `words` are those behind `legation`. */
export async function candidates(words: readonly string[], commands: readonly Command[], names: Names): Promise<Candidates> {
  const { before, current } = joined(words);
  const isHelp = before[0] === "help";
  const path = isHelp ? before.slice(1) : before;
  const top = [...commands, { name: "help", summary: "Show the manual page of a command" }];
  if (path.length === 0)
    return beginning(current, isHelp ? wordsOf(commands) : [...wordsOf(top), ...(current.startsWith("-") ? [help] : [])]);
  if (!commands.some(({ name }) => name === path[0])) return nothing;
  const found = await findCommand(path, commands);
  const below = wordsOf(found.module.commands ?? []);
  if (isHelp) return found.rest.length === 0 ? beginning(current, below) : nothing;
  return await inside(found, below, current, names);
}

/** Bash takes `--flag=value` for three words. */
function joined(words: readonly string[]): { readonly before: readonly string[]; readonly current: string } {
  const all = words.filter((word, index) => word !== "=" || !(words[index - 1] ?? "").startsWith("--"));
  return words.at(-1) === "=" && all.length < words.length
    ? { before: all, current: "" }
    : { before: all.slice(0, -1), current: all.at(-1) ?? "" };
}

async function inside(found: FoundCommand, below: readonly Candidate[], current: string, names: Names): Promise<Candidates> {
  const page = await pageOf(found);
  if (!page) return nothing;
  const flags = flagsOf(page);
  const waiting = takesValue(flags.get(found.rest.at(-1) ?? "")) ? flags.get(found.rest.at(-1) ?? "") : undefined;
  if (waiting) return await valuesOf(waiting.option, current, "", names);
  const [, flag = "", value = ""] = /^(--?[A-Za-z][\w-]*)=(.*)$/s.exec(current) ?? [];
  if (flags.has(flag)) return await valuesOf(flags.get(flag)?.option, value, `${flag}=`, names);
  const shown = [...flags].map(([word, { about }]) => ({ word, about }));
  if (current.startsWith("-")) return beginning(current, shown);
  const position = positionals(found.rest, flags);
  const operands = page.operands ?? [];
  const operand = operands[position] ?? (operands.at(-1)?.repeated ? operands.at(-1) : undefined);
  const own = await named(operand?.values, current, "", names);
  if (own.files) return own;
  const words = [...(position === 0 ? beginning(current, below).words : []), ...own.words];
  return words.length > 0 || operand || current !== "" ? { words } : { words: shown };
}

interface Flag {
  readonly about: string;
  /** Undefined for a flag without a value, and for the one that names a file. */
  readonly option?: Option<unknown>;
  readonly isFile?: boolean;
}

function flagsOf(page: Page): ReadonlyMap<string, Flag> {
  return new Map<string, Flag>([
    ...(page.fileFlag ? [[page.fileFlag, { about: "The configuration, a YAML file", isFile: true }] as const] : []),
    ...flagNames(page.options).map(([flag, option]) => [flag, { about: firstSentence(option.spec.description), option }] as const),
    ...Object.entries(page.flags ?? {}).map(([flag, about]) => [flag, { about }] as const),
    [help.word, { about: help.about }],
  ]);
}

function takesValue(flag: Flag | undefined): boolean {
  return flag?.isFile === true || (flag?.option !== undefined && !flag.option.isSwitch && flag.option.spec.alone === undefined);
}

async function valuesOf(option: Option<unknown> | undefined, current: string, prefix: string, names: Names): Promise<Candidates> {
  if (!option) return { words: [], files: "file" };
  return await named(option.choices ?? kindOf(option.spec.unit), current, prefix, names);
}

function kindOf(unit: string | undefined): Named | undefined {
  return (["service", "instance", "proxy", "file", "directory"] as const).find((kind) => kind === unit);
}

async function named(values: Operand["values"], current: string, prefix: string, names: Names): Promise<Candidates> {
  if (values === undefined) return nothing;
  if (values === "file" || values === "directory") return { words: [], files: values };
  const words = typeof values === "string" ? await names(values) : values;
  return beginning(
    prefix + current,
    words.map((word) => ({ word: prefix + word, about: "" })),
  );
}

/** How many words stand there that are neither flags nor their values. */
function positionals(words: readonly string[], flags: ReadonlyMap<string, Flag>): number {
  return words.filter((word, index) => !/^-{1,2}[A-Za-z]/.test(word) && !takesValue(flags.get(words[index - 1] ?? ""))).length;
}

function beginning(start: string, list: readonly Candidate[]): Candidates {
  return { words: list.filter(({ word }) => word.startsWith(start)) };
}

function wordsOf(commands: readonly Pick<Command, "name" | "summary">[]): readonly Candidate[] {
  return commands.map(({ name, summary }) => ({ word: name, about: summary }));
}

function firstSentence(text: string): string {
  return text.split(/[.;:] /)[0] ?? text;
}
