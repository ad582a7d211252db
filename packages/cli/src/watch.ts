/** `--watch`: the same answer again and again, in place on a terminal, one below the other elsewhere. */
import { codeOf, messageOf } from "@legation/runtime/command-line";
import type { Io, StopSignal } from "./command.js";
import { type Reply, textOf } from "./create-command.js";
import { exitCode } from "./exit-code.js";
import { sentence } from "./layout.js";
import { clean, guarded, paint, type Screen, screenOf } from "./screen.js";

/** What to show, and how often. */
export interface Watch {
  readonly ask: () => Promise<Reply>;
  readonly json: boolean;
  /** Between the end of one answer and the next question; milliseconds. */
  readonly interval: number;
  /** For the line above. */
  readonly title: string;
  /** The unguarded one: the drawing moves the cursor. */
  readonly io: Io;
  readonly screen: Screen;
}

const csi = "\u001b[";
const home = `${csi}H`;
/** Shows what was drawn at once, where the terminal can hold back (mode 2026); others pass over it. */
const [hold, show] = [`${csi}?2026h`, `${csi}?2026l`];
/** A screen of its own, without a cursor, so that what stood there before comes back. */
const [enter, leave] = [`${csi}?1049h${csi}?25l`, `${csi}?25h${csi}?1049l`];
const [clearLine, clearBelow] = [`${csi}K`, `${csi}J`];

/** Failures that may pass: the control plane restarts, has too much to do, or a proxy before it says so. */
const passing = ["api.unreachable", "api.busy", "api.bad-answer", "api.failed"];

/** What a command that goes on until a signal exits with: 128 + its number. */
export const signalExitCodes: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * Shows the answer until a signal comes; resolves to 128 + its number. Rejects as `ask` does the first time; later failures that may pass are
 * shown in place of what was there, and the rest is asked again.
 */
export async function watch(options: Watch): Promise<number> {
  const { ask, interval, io } = options;
  const ending = new AbortController();
  let code: number = exitCode.done;
  const release = io.onSignal((name) => {
    code = signalExitCodes[name];
    ending.abort(new Error(name));
  });
  const ended = new Promise<"ended">((resolve) => ending.signal.addEventListener("abort", () => resolve("ended"), { once: true }));
  let view: View | undefined;
  try {
    let last = await Promise.race([ask(), ended]);
    if (last === "ended") return code;
    view = viewOf(options);
    view.draw(last);
    while (!ending.signal.aborted) {
      await io.clock.sleep(interval, ending.signal).catch(() => {});
      if (ending.signal.aborted) break;
      try {
        const next = await Promise.race([ask(), ended]);
        if (next === "ended") break;
        last = next;
        view.draw(last);
      } catch (error) {
        if (!passing.includes(codeOf(error) ?? "")) throw error;
        view.draw(last, messageOf(error));
      }
    }
    return code;
  } finally {
    release();
    view?.close();
  }
}

interface View {
  /** Shows an answer; with a problem, that the answer is an old one and why. */
  draw(reply: Reply, problem?: string): void;
  close(): void;
}

function viewOf(options: Watch): View {
  return options.io.stdout.isTTY && !options.json ? inPlace(options) : oneBelowTheOther(options);
}

function inPlace({ io, interval, title }: Watch): View {
  const { stdout } = io;
  let since = io.clock.now();
  stdout.write(enter);
  return {
    draw(reply, problem) {
      const screen = screenOf(io);
      if (problem === undefined) since = io.clock.now();
      const head = sentence(`${timeOf(io.clock.now())}, every ${interval / 1_000} s: ${title}`, screen, "faint");
      const state = problem === undefined ? "" : sentence(`As of ${timeOf(since)}: ${problem}. Asking again.`, screen, "warn");
      const lines = `${head}${state}\n${textOf(reply)}`.trimEnd().split("\n");
      const room = (stdout.rows || 24) - 1;
      const more = lines.length - room;
      const shown = more > 0 ? [...lines.slice(0, room - 1), paint(`… ${more + 1} more lines`, "faint", screen)] : lines;
      stdout.write(
        `${hold}${home}${shown.map((line) => clean(line, screen) + clearLine).join("\r\n")}${clearLine}\r\n${clearBelow}${show}`,
      );
    },
    close: () => void stdout.write(leave),
  };
}

function oneBelowTheOther({ io, json, screen }: Watch): View {
  const stdout = guarded(io.stdout, screen);
  const stderr = guarded(io.stderr, screen);
  let told: string | undefined;
  return {
    draw(reply, problem) {
      if (problem !== undefined) {
        if (problem !== told) stderr.write(`${problem}. Asking again.\n`);
        told = problem;
        return;
      }
      told = undefined;
      stdout.write(json ? `${JSON.stringify(reply.json)}\n` : `--- ${timeOf(io.clock.now())}\n${textOf(reply)}`);
    },
    close() {},
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
