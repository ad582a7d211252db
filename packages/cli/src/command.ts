/** What a command is: a name, a line about it, and the code that is loaded only when it runs. */
import type { Clock, Page } from "@legation/runtime/command-line";

/** What the process gives a command. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Calls back at each of these signals, which then end the process no more, until the returned function is called. */
  onSignal(listener: (name: StopSignal) => void): () => void;
  readonly clock: Clock;
  /** The command that runs, such as `legation policy list`; undefined before it was found. */
  readonly name?: string;
}

/** What asks a process to stop. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Where text goes. */
export interface Output {
  write(text: string): unknown;
  /** Of the terminal; undefined where there is none. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly isTTY?: boolean | undefined;
}

/** Runs a command with the arguments behind its name; resolves to the exit code (`exit-code.ts`). Rejects with what cannot be expected. */
export type Run = (argv: string[], io: Io) => Promise<number>;

/** A command's code. */
export interface CommandModule {
  /** Absent where only the commands below it do something. */
  readonly run?: Run;
  /** What `--help` shows; it may depend on the arguments. Without it, `run` gets the `--help`. */
  readonly page?: Page | ((argv: readonly string[]) => Promise<Page>);
  /** The commands below it: the first word behind the name chooses one. */
  readonly commands?: readonly Command[];
}

/** What a command is for, as `legation --help` groups them. */
export type Group = "processes" | "see" | "why" | "steer" | "prove" | "more";

/** One command of `legation`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands, without a full stop. */
  readonly summary: string;
  /** Of the first level: under which head it stands; `more` unless given. */
  readonly group?: Group;
  /** Loads the command's code. */
  readonly load: () => Promise<CommandModule>;
}
