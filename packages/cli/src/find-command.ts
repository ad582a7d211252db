/** Which command a command line means: word by word, from a command to those below it. */
import { LegationError, nearest, type Page } from "@legation/runtime/command-line";
import type { Command, CommandModule } from "./command.js";

/** A command that was found. */
export interface FoundCommand {
  /** With those above it: `legation policy apply`. */
  readonly name: string;
  readonly summary: string;
  readonly module: CommandModule;
  /** What stands behind the name. */
  readonly rest: string[];
}

/**
 * Follows `argv` through `commands` as far as its words name commands, loading each; `onName` hears of each name before its code is loaded. Throws a LegationError with code
 * `usage` when the first word of `argv` is none of them.
 */
export async function findCommand(
  argv: readonly string[],
  commands: readonly Command[],
  onName: (name: string) => void = () => {},
  above = "legation",
): Promise<FoundCommand> {
  const [word = "", ...rest] = argv;
  const command = commands.find(({ name }) => name === word);
  if (!command) throw unknownCommand(word, commands, above);
  const name = `${above} ${command.name}`;
  onName(name);
  const module = await command.load();
  const below = module.commands ?? [];
  if (below.some((one) => one.name === rest[0])) return await findCommand(rest, below, onName, name);
  return { name, summary: command.summary, module, rest };
}

/** Says that no command below `above` has this name, and which one is meant. Code `usage`. */
export function unknownCommand(word: string | undefined, commands: readonly Command[], above: string): LegationError {
  const names = commands.map(({ name }) => name);
  const meant = word === undefined ? undefined : nearest(word, names);
  const fix = meant ? `Did you mean: ${above} ${meant}` : `Commands: ${names.join(", ")}. See ${above} --help`;
  if (word === undefined) return new LegationError("usage", `the command behind ${above} is missing. ${fix}`);
  return new LegationError("usage", `${word} is no ${word.startsWith("-") ? "flag; flags stand behind a command" : "command"}. ${fix}`);
}

/** The page of a command, with the commands below it; undefined where its `run` shows its help. */
export async function pageOf({ module: { page, commands }, rest }: FoundCommand): Promise<Page | undefined> {
  const own = typeof page === "function" ? await page(rest) : page;
  return own && commands ? { ...own, commands } : own;
}
