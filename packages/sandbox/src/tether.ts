/** Holding on to the tether: the starter's end of the rope. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { LegationError } from "@legation/runtime";
import type { ProcessIdentity } from "./process-identity.js";

/** One line to the tether: a child that it shall end, or the pid of one that it may forget. */
export interface TetherLine {
  readonly child?: ProcessIdentity;
  readonly gone?: number;
}

/** What the tether found when the rope was let go. */
export interface TetherResult {
  /** The pids that were still running, and were ended. */
  readonly ended: readonly number[];
  /** The pids that could not be ended. */
  readonly survivors: readonly number[];
}

/** A running tether. */
export interface Tether {
  readonly pid: number;
  hold(child: ProcessIdentity): void;
  forget(pid: number): void;
  /** Lets go: the tether ends what is left, removes the directory, and exits. Resolves with what it found; to be called once. */
  release(): Promise<TetherResult>;
}

/** So often another one takes a tether's place: one that cannot run would be started for ever. */
const mostStarts = 100;

const program = fileURLToPath(new URL("../dist/tether-main.js", import.meta.url));

/**
 * Starts a tether for the mesh in `dir` whose processes carry `marker`. Should the tether itself be killed, another one takes its
 * place, up to `mostStarts`. `keepDir` leaves the directory where it is.
 */
export function startTether({ dir, marker, keepDir = false }: { dir: string; marker: string; keepDir?: boolean }): Tether {
  const children = new Map<number, ProcessIdentity>();
  let released = false;
  let ended = 0;
  let rope = start();

  function start(): ChildProcess {
    const tether = spawn(process.execPath, [program, dir, marker, keepDir ? "keep" : ""], {
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
      cwd: "/",
    });
    tether.stdin.on("error", () => undefined);
    tether.once("exit", () => {
      if (!released && ++ended < mostStarts) rope = start();
    });
    // The tether waits for its starter's end, so it must not put that off.
    tether.unref();
    for (const part of [tether.stdin, tether.stdout] as unknown as { unref?: () => void }[]) part.unref?.();
    for (const child of children.values()) send(tether, { child });
    return tether;
  }

  function send(tether: ChildProcess, line: TetherLine): void {
    tether.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  return {
    get pid() {
      return rope.pid ?? 0;
    },
    hold(child) {
      children.set(child.pid, child);
      send(rope, { child });
    },
    forget(pid) {
      children.delete(pid);
      send(rope, { gone: pid });
    },
    async release() {
      released = true;
      for (let tries = 0; tries < 3; tries++) {
        const result = await letGo(rope);
        if (result) return result;
        rope = start();
      }
      throw new LegationError("local.tether", `the tether of ${dir} was ended again and again before it had cleaned up`);
    },
  };
}

/** Lets go of one tether and reads what it found; undefined when it was ended before it could say so. */
function letGo(tether: ChildProcess): Promise<TetherResult | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const done = () => resolve(text === "" ? undefined : (JSON.parse(text) as TetherResult));
    if (tether.exitCode !== null || tether.signalCode !== null) {
      done();
      return;
    }
    tether.ref();
    tether.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    tether.once("close", done);
    tether.stdin?.end();
  });
}
