/** Runs `legation` inside a test and keeps what it writes. */
import type { Command } from "../command.js";
import { legation } from "../legation.js";

/** How the process around the command looks; a pipe and no variables unless given. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** The terminal's width. */
  readonly columns?: number;
  readonly commands?: readonly Command[];
}

/** Calls `legation` with `argv`; resolves to its exit code and everything written to stdout and stderr. */
export async function call(
  argv: readonly string[],
  { env = {}, columns, commands }: Surroundings = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { env, stdout: { write: (text: string) => out.push(text), columns }, stderr: { write: (text: string) => err.push(text) } };
  return { code: await legation(argv, io, commands), out: out.join(""), err: err.join("") };
}
