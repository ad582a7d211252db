/** A child process of a mesh: in a process group of its own, with its output in a file, ended by its own pid. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { LegationError } from "@legation/runtime";
import { identify, type ProcessIdentity, standsStill } from "./process-identity.js";
import { until } from "./until.js";

/** What to start. */
export interface ChildSpec {
  /** For people, and for the name of its log file. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment; the starter's own without it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child that was started, whether it still runs or not. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly identity: ProcessIdentity;
  /** The file that its output goes to; several starts of one name go on in one file. */
  readonly log: string;
  /** Set once it has ended. */
  readonly exit: Exit | undefined;
  readonly exited: Promise<Exit>;
  /** Returns false when it has ended already. */
  signal(name: NodeJS.Signals): boolean;
  /** SIGTERM, and SIGKILL after `limitMs` milliseconds. Resolves when it has ended. */
  stop(limitMs: number): Promise<Exit>;
  kill9(): Promise<Exit>;
  /** SIGSTOP; resolves when every thread stands still. SIGCONT ends it. */
  freeze(): Promise<void>;
  /** The last lines of its output, for messages. */
  tail(lines?: number): string;
}

/** Starts a child whose output is appended to the file `log`. Throws a LegationError with code `local.spawn` when it can't start. */
export async function startChild(spec: ChildSpec, log: string): Promise<Child> {
  const output = openSync(log, "a");
  const child = spawn(spec.file, spec.args, {
    env: spec.env ?? process.env,
    ...(spec.cwd ? { cwd: spec.cwd } : {}),
    stdio: ["ignore", output, output],
    detached: true,
  });
  closeSync(output);
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(new LegationError("local.spawn", `${spec.name} could not be started: ${cause.message}`, { cause })),
    );
  });
  const pid = child.pid ?? 0;
  const signal = (name: NodeJS.Signals) => exit === undefined && child.kill(name);
  return {
    name: spec.name,
    pid,
    identity: identify(pid) ?? { pid, startTime: "ended" },
    log,
    get exit() {
      return exit;
    },
    exited,
    signal,
    async stop(limitMs) {
      signal("SIGTERM");
      const late = setTimeout(() => signal("SIGKILL"), limitMs);
      const result = await exited;
      clearTimeout(late);
      return result;
    },
    kill9() {
      signal("SIGKILL");
      return exited;
    },
    async freeze() {
      signal("SIGSTOP");
      await until(() => exit !== undefined || standsStill(pid), { what: `${spec.name} to stand still`, limitMs: 10_000, everyMs: 5 });
    },
    tail: (lines = 15) => readFileSync(log, "utf8").trimEnd().split("\n").slice(-lines).join("\n"),
  };
}

/** Throws a LegationError with code `local.ended` and the end of its log when a child that should run has ended. */
export function mustRun(child: Child): void {
  if (child.exit)
    throw new LegationError("local.ended", `${child.name} ended with ${describe(child.exit)}. Its last words:\n${child.tail()}`);
}

/** "code 1" or "SIGKILL". */
export function describe(exit: Exit): string {
  return exit.signal ?? `code ${exit.code}`;
}
