/** A command that answers: reads its settings, and writes the answer once, or with `--watch` again and again. */
import { type ConfigValues, LegationError, loadConfig, type OptionTable, option, type Page } from "@legation/runtime/command-line";
import type { CommandModule, Io, Run } from "./command.js";
import { exitCode } from "./exit-code.js";
import { guarded, type Screen, screenOf } from "./screen.js";
import { usualEnvironment, usualExitStatus } from "./usual-page.js";
import { watch } from "./watch.js";

/** What a command answers: for programs, for people, and for scripts. */
export interface Reply {
  /** Printed with `--json`. */
  readonly json: unknown;
  /** Printed without; ends with a newline. A function is called only then. */
  readonly text: string | (() => string);
  /** Default: done. */
  readonly code?: number;
}

/** What is around a command while it answers. Its streams write no control characters. */
export interface Surroundings {
  readonly io: Io;
  readonly screen: Screen;
}

/** What tells one command from another. `usage` errors that `answer` throws name what to write. */
export interface Answering<T extends OptionTable> extends Page<T> {
  /** Adds `--watch`: for what only looks. */
  readonly watchable?: boolean;
  /** `words` are as many as there are operands, or fewer where those are optional. */
  readonly answer: (values: ConfigValues<T>, words: readonly string[], surroundings: Surroundings) => Promise<Reply>;
}

/** What `createCommand` makes: `export const { run, page } = createCommand({…})`. */
export type Created = Required<Pick<CommandModule, "run">> & { readonly page: Page };

const watchOption = {
  watch: option.duration({
    description: "Show it again and again, every two seconds unless said otherwise, until Ctrl-C",
    flag: "--watch",
    alone: "2s",
    check: (ms) => (ms < 100 ? "is too short. Write 100ms or more" : undefined),
  }),
};

/** Makes the command. Its table must have `json`. */
export function createCommand<T extends OptionTable & { readonly json: OptionTable[string] }>(command: Answering<T>): Created {
  const { answer, watchable = false, ...own } = command;
  const options = watchable ? { ...own.options, ...watchOption } : own.options;
  const page: Page = {
    ...own,
    options,
    environment: { ...usualEnvironment, ...own.environment },
    exitStatus: { ...usualExitStatus, ...own.exitStatus },
  };
  const run: Run = async (argv, outside) => {
    const operands = own.operands ?? [];
    const { values, positional } = loadConfig(options, {
      argv,
      env: outside.env,
      maxPositional: operands.at(-1)?.repeated ? Number.POSITIVE_INFINITY : operands.length,
    });
    const missing = operands[positional.length];
    if (missing && !missing.optional) throw new LegationError("usage", `${missing.name} is missing. ${lineOf(own)}`);
    const screen = screenOf(outside);
    const io = { ...outside, stdout: guarded(outside.stdout, screen), stderr: guarded(outside.stderr, screen) };
    const { json, watch: interval } = values as { readonly json?: boolean; readonly watch?: number };
    const ask = () => answer(values as ConfigValues<T>, positional, { io, screen: screenOf(outside) });
    if (interval !== undefined)
      return await watch({
        ask,
        json: json === true,
        interval,
        title: [outside.name, titleOf(argv)].filter(Boolean).join(" "),
        io: outside,
        screen,
      });
    const reply = await ask();
    io.stdout.write(json ? `${JSON.stringify(reply.json, null, 2)}\n` : textOf(reply));
    return reply.code ?? exitCode.done;
  };
  return { run, page };
}

function lineOf({ examples = [] }: Pick<Page, "examples">): string {
  const [first] = examples;
  return first === undefined ? "See --help" : `Write: ${typeof first === "string" ? first : first[0]}`;
}

/** What a reply says to people. */
export function textOf({ text }: Pick<Reply, "text">): string {
  return typeof text === "string" ? text : text();
}

/** The arguments as they were given, for the line above what is watched. */
function titleOf(argv: readonly string[]): string {
  return argv.filter((word, index) => !word.startsWith("--watch") && !(argv[index - 1] === "--watch" && /^\d/.test(word))).join(" ");
}
