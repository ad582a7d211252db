/** Holding on to the tether: the starter's end of the rope. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
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
  /** Lets go: the tether ends what is left, removes the directory, and exits. Resolves with what it found. */
  release(): Promise<TetherResult>;
}

const program = fileURLToPath(new URL("../dist/tether-main.js", import.meta.url));

/**
 * Starts a tether for the mesh in `dir` whose processes carry `marker`. Should the tether itself be killed, another one takes its
 * place. `keepDir` leaves the directory where it is.
 */
export function startTether({ dir, marker, keepDir = false }: { dir: string; marker: string; keepDir?: boolean }): Tether {
  const children = new Map<number, ProcessIdentity>();
  let released = false;
  let rope = start();

  function start(): ChildProcess {
    const tether = spawn(process.execPath, [program, dir, marker, keepDir ? "keep" : ""], {
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
      cwd: "/",
    });
    tether.stdin.on("error", () => undefined);
    tether.once("exit", () => {
      if (!released) rope = start();
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
    release() {
      released = true;
      return new Promise((resolve, reject) => {
        let text = "";
        rope.ref();
        rope.stdout?.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        rope.once("close", (code) => {
          if (text === "") reject(new Error(`the tether ended with ${code} before it had cleaned up`));
          else resolve(JSON.parse(text) as TetherResult);
        });
        rope.stdin?.end();
      });
    },
  };
}
