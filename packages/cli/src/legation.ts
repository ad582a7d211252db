/** The command line of `legation`: finds the command, runs it, and tells what went wrong. */
import { type Command, commands, type Io } from "./command.js";
import { exitCode } from "./exit-code.js";
import { help } from "./help.js";

/** Runs `argv` (without node and script) and resolves to the exit code; never rejects. */
export async function legation(argv: readonly string[], io: Io, list: readonly Command[] = commands): Promise<number> {
  const [first, ...rest] = argv;
  if (first === undefined) {
    io.stderr.write(help(list));
    return exitCode.usage;
  }
  if (first === "--help" || first === "-h") return show(help(list), io);
  if (first === "--version") return legation(["version", ...rest], io, list);
  if (first === "help") return rest[0] === undefined ? show(help(list), io) : legation([rest[0], "--help"], io, list);
  const command = list.find(({ name }) => name === first);
  if (!command) return unknown(first, io, list);
  try {
    const { run } = await command.load();
    return await run(rest, io);
  } catch (error) {
    const { tell } = await import("./failure.js");
    return tell(error, `legation ${command.name}`, io);
  }
}

function show(text: string, io: Io): number {
  io.stdout.write(text);
  return exitCode.done;
}

async function unknown(word: string, io: Io, list: readonly Command[]): Promise<number> {
  const { nearest } = await import("@legation/runtime");
  const names = list.map(({ name }) => name);
  const meant = nearest(word, names);
  const what = word.startsWith("-") ? "flag; flags stand behind a command" : "command";
  const fix = meant ? `Did you mean: legation ${meant}` : `Commands: ${names.join(", ")}. See legation --help`;
  io.stderr.write(`legation: ${word} is no ${what}. ${fix}\n`);
  return exitCode.usage;
}
