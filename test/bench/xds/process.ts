/** The bench's processes: children that say JSON lines and end with their standard input, and what they cost. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { ArrivalReport } from "./load/arrivals.js";

/** What children say; each line has one of these. */
export interface Said {
  /** A server listens. */
  readonly port: number;
  /** A fleet begins to connect; milliseconds since the epoch, as all times. */
  readonly started: number;
  /** All streams of a fleet are configured, since then. */
  readonly configured: number;
  /** How many are configured now. */
  readonly count: number;
  /** All streams hold the change with this number. */
  readonly held: number;
  readonly report: ArrivalReport;
  /** How many streams read nothing from now on. */
  readonly stalled: number;
}

/** A running child. */
export interface Child {
  readonly pid: number;
  send(line: string): void;
  /** What it says next under this name; what it says besides is passed over. Throws when it ends first, or after `limit` milliseconds. */
  next<K extends keyof Said>(key: K, limit?: number): Promise<Said[K]>;
  stop(): Promise<void>;
}

/** Starts a child. `name` is how errors call it. */
export function startChild(name: string, [file = "", ...args]: readonly string[]): Child {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => undefined);
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let line: Promise<IteratorResult<string>> | undefined;
  return {
    pid: child.pid ?? 0,
    send: (line) => void child.stdin.write(`${line}\n`),
    async next(key, limit = 120_000) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${name} did not say "${key}" within ${limit / 1000} s`)), limit);
      });
      try {
        for (;;) {
          line ??= lines.next();
          const { value, done } = await Promise.race([line, late, failed]);
          line = undefined;
          if (done) throw new Error(`${name} ended before it said "${key}"`);
          const said = (JSON.parse(value) as Partial<Said>)[key];
          if (said !== undefined) return said;
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async stop() {
      child.kill("SIGKILL");
      if (child.pid !== undefined) await exited;
    },
  };
}

/** Says one line to the process that started this one. */
export function say(message: Partial<Said>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Milliseconds since the epoch, with fractions, equal in all processes of the machine. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Milliseconds of processor time that processes have used. */
export function cpuOf(children: readonly Child[]): number {
  return children.reduce((sum, { pid }) => {
    const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] ?? "").split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);
}

/** Resident kilobytes. */
export function memoryOf(children: readonly Child[]): number {
  return children.reduce((sum, { pid }) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]), 0);
}
