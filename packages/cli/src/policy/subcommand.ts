/** One command behind `legation policy`: its settings, its help, and its two ways of answering. */
import { type ConfigValues, helpText, loadConfig, type OptionTable, wantsHelp } from "@legation/runtime";
import type { Io, Run } from "../command.js";
import { exitCode } from "../exit-code.js";

/** What a subcommand answers: for programs, for people, and for scripts. */
export interface Reply {
  /** Printed with `--json`. */
  readonly json: unknown;
  /** Printed without; ends with a newline. */
  readonly text: string;
  /** Default: done. */
  readonly code?: number;
}

/** What tells one subcommand from another. */
export interface Subcommand<T extends OptionTable> {
  readonly name: string;
  /** Behind the name, before the flags; empty when nothing may stand there. */
  readonly words: string;
  readonly maxWords: number;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly options: T;
  readonly answer: (values: ConfigValues<T>, words: readonly string[], io: Io) => Promise<Reply>;
}

/** Makes the command. */
export function subcommand<T extends OptionTable & { readonly json: OptionTable[string] }>(command: Subcommand<T>): Run {
  const { name, words, summary, examples, options } = command;
  return async (argv, io) => {
    if (wantsHelp(argv)) {
      const usage = ["legation policy", name, words, "[flags]"].filter(Boolean).join(" ");
      io.stdout.write(helpText(options, { usage, summary, examples }));
      return exitCode.done;
    }
    const { values, positional } = loadConfig(options, { argv, env: io.env, maxPositional: command.maxWords });
    const { json, text, code = exitCode.done } = await command.answer(values, positional, io);
    io.stdout.write((values as { readonly json?: boolean }).json ? `${JSON.stringify(json, null, 2)}\n` : text);
    return code;
  };
}
