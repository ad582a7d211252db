/** The command line of `legation`: finds the command, runs it, and tells what went wrong. */
import { helpText, wantsHelp } from "@legation/runtime/command-line";
import type { Command, Io } from "./command.js";
import { commands } from "./commands.js";
import { exitCode } from "./exit-code.js";
import { tell } from "./failure.js";
import { type FoundCommand, findCommand, pageOf, unknownCommand } from "./find-command.js";
import { help } from "./help.js";

/** Runs `argv` (without node and script) and resolves to the exit code; never rejects. */
export async function legation(argv: readonly string[], io: Io, list: readonly Command[] = commands): Promise<number> {
  const [first, ...rest] = argv;
  if (first === undefined) {
    io.stderr.write(help(list));
    return exitCode.usage;
  }
  if (first === "--help" || first === "-h" || (first === "help" && rest[0] === undefined)) {
    io.stdout.write(help(list));
    return exitCode.done;
  }
  if (first === "--version") return legation(["version", ...rest], io, list);
  if (first === "help") return legation([...rest, "--help"], io, list);
  let name = "legation";
  try {
    const found = await findCommand(argv, list, (next) => {
      name = next;
    });
    return await runCommand(found, io);
  } catch (error) {
    return tell(error, name, io);
  }
}

async function runCommand(found: FoundCommand, io: Io): Promise<number> {
  const { name, module, rest } = found;
  const page = wantsHelp(rest) ? await pageOf(found) : undefined;
  if (page) {
    refuseUnknown(module.commands ?? [], found);
    io.stdout.write(helpText(page, found));
    return exitCode.done;
  }
  if (module.run) return await module.run(rest, { ...io, name });
  throw unknownCommand(rest[0], module.commands ?? [], name);
}

/** `legation policy aply --help` asks for the help of a command that is not there. */
function refuseUnknown(below: readonly Command[], { name, module, rest }: FoundCommand): void {
  const word = rest[0];
  if (!module.run && word !== undefined && !word.startsWith("-")) throw unknownCommand(word, below, name);
}
