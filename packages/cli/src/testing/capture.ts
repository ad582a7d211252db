/** Runs `legation` inside a test and keeps what it writes. */
import { type Clock, systemClock } from "@legation/runtime/command-line";
import type { Command, Io, StopSignal } from "../command.js";
import { legation } from "../legation.js";
import type { Screen } from "../screen.js";

/** A screen on which nothing is wrapped. */
export const wide: Screen = { width: 1_000, colour: false };

/** How the process around the command looks; no terminal, wide lines and no variables unless given. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** How wide lines may be; 1,000 unless given, so that nothing is wrapped. */
  readonly columns?: number;
  readonly rows?: number;
  readonly isTTY?: boolean;
  readonly commands?: readonly Command[];
  readonly clock?: Clock;
}

/** What a command wrote, and what it ended with. */
export interface Called {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface Calling {
  /** What it has written so far. */
  out(): string;
  err(): string;
  /** As from the terminal; lost when nobody listens. */
  signal(name: StopSignal): void;
  readonly ended: Promise<Called>;
}

/** Begins `legation` with `argv`. */
export function begin(argv: readonly string[], around: Surroundings = {}): Calling {
  const { env = {}, columns = wide.width, rows, isTTY, commands, clock = systemClock } = around;
  const texts = { out: "", err: "" };
  const listeners = new Set<(name: StopSignal) => void>();
  const io: Io = {
    env,
    clock,
    stdout: { columns, rows, isTTY, write: (text) => (texts.out += text) },
    stderr: { write: (text) => (texts.err += text) },
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    out: () => texts.out,
    err: () => texts.err,
    signal(name) {
      for (const listener of listeners) listener(name);
    },
    ended: legation(argv, io, commands).then((code) => ({ code, ...texts })),
  };
}

/** Calls `legation` with `argv`; resolves to its exit code and everything written to stdout and stderr. */
export function call(argv: readonly string[], around: Surroundings = {}): Promise<Called> {
  return begin(argv, around).ended;
}
