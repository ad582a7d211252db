/** A process that outlives the agent: in a group of its own, with its output in a file, known by a record on disk. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { constants } from "node:os";
import { type Clock, LegationError } from "@legation/runtime";
import { groupLives, identify, isAlive, type ProcessIdentity } from "./identity.js";
import { checkExecutable, checkLimits, gateDescriptor, gated, hasGate, type Setting } from "./launcher.js";

/** How a process ended. Both are undefined for an adopted process: only its starter is told. */
export interface Exit {
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
}

/** What stands in the record, by which the next agent finds the process. */
export interface ProcessRecord extends ProcessIdentity {
  /** Its process group, where that is not its pid. */
  readonly group?: number;
  readonly argv: readonly string[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** A digest of what it was started with; a difference is reported, not acted upon. */
  readonly digest: string;
  /** What its starter wants to find again. */
  readonly marks?: Readonly<Record<string, number>>;
}

/** A living (or just ended) process, started or adopted. */
export interface Running {
  readonly record: ProcessRecord;
  readonly adopted: boolean;
  /** Resolves when the process itself has ended; others of its group may live on. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Sends a signal to the whole group; false when nobody is left. */
  signal(signal: NodeJS.Signals): boolean;
  /** Ends the group: `signal` (SIGTERM unless given), then SIGKILL after `limitMs`, or 2 s after `hurry` aborts. Resolves when no member is left. */
  end(limitMs: number, hurry?: AbortSignal, signal?: NodeJS.Signals): Promise<Ended>;
}

/** How a process that was ended went. */
export interface Ended {
  readonly exit: Exit;
  /** It took SIGKILL. */
  readonly killed: boolean;
}

/** What to start, and where its record and its output go. */
export interface ProcessSpec extends Setting {
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** The process's user and group; the agent's unless given. Supplementary groups are dropped. */
  readonly user?: { readonly uid?: number; readonly gid?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly outputPath: string;
  readonly recordPath: string;
  readonly digest: string;
  readonly marks?: Readonly<Record<string, number>>;
}

const pollMs = 100;
const endPollMs = 20;
const hurriedMs = 2_000;
const recordRetryMs = 1_000;

/**
 * Starts a process in its own group. It begins only once its record is written: however suddenly the agent dies, a process that has begun is
 * found by the next one. (Without /bin/sh, which holds it back, the record is written in the tick of the start.) Throws LegationError
 * "agent.command" when it cannot be started.
 */
export async function startProcess(spec: ProcessSpec, clock: Clock): Promise<Running> {
  const [file] = spec.argv;
  if (file === undefined) throw new LegationError("agent.command", "the command is empty");
  checkExecutable(file, spec.cwd, spec.env["PATH"]);
  checkLimits(spec.limits ?? {}, process.getuid?.() === 0 && !spec.user?.uid);
  const { child, gate } = launch(spec);
  const held = spec.held === true && gate !== undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ? { signal } : held ? handedOn(code ?? 0) : { code: code ?? 0 }));
  });
  if (child.pid === undefined) {
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once("error", resolve));
    throw new LegationError("agent.command", `cannot start ${JSON.stringify(file)}: ${startProblem(error, spec)}`, { cause: error });
  }
  child.on("error", () => {});
  const pid = held ? await pidFrom(gate, child.pid) : child.pid;
  const record: ProcessRecord = {
    ...(identify(pid) ?? { pid, startTime: "", boot: "" }),
    ...(held ? { group: child.pid } : {}),
    argv: spec.argv,
    startedAt: clock.now(),
    digest: spec.digest,
    ...(spec.marks ? { marks: spec.marks } : {}),
  };
  if (!writeRecord(spec.recordPath, record)) {
    // The process can work all the same; a record of an earlier one would only mislead the next agent.
    rmSync(spec.recordPath, { force: true });
    void writeLater(spec.recordPath, record, clock);
  }
  gate?.end("go\n", () => gate.destroy());
  return running(record, false, exited, spec.recordPath, clock);
}

/** The pid of the held process, as its holder tells it; the holder's own when it ended before. */
async function pidFrom(gate: Socket, holder: number): Promise<number> {
  let told = "";
  for await (const chunk of gate.iterator({ destroyOnReturn: false })) {
    told += String(chunk);
    if (told.includes("\n")) break;
  }
  return Number.parseInt(told, 10) || holder;
}

/** What a shell's exit code says of the process that it waited for. */
function handedOn(code: number): Exit {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal ? { signal: signal as NodeJS.Signals } : { code };
}

function launch(spec: ProcessSpec): { readonly child: ChildProcess; readonly gate: Socket | undefined } {
  const output = openSync(spec.outputPath, "a", 0o600);
  const [file = "", ...args] = hasGate() ? gated(spec.argv, spec) : spec.argv;
  try {
    const child = spawn(file, args, {
      cwd: spec.cwd,
      env: spec.env as NodeJS.ProcessEnv,
      detached: true,
      stdio: ["ignore", output, output, ...(hasGate() ? (["pipe"] as const) : [])],
      ...spec.user,
    });
    const gate = (child.stdio[gateDescriptor] ?? undefined) as Socket | undefined;
    gate?.on("error", () => {});
    return { child, gate };
  } finally {
    closeSync(output);
  }
}

function startProblem(error: NodeJS.ErrnoException, { user }: ProcessSpec): string {
  return error.code === "EPERM" && user
    ? "only root may start it as another user or group. Run the agent as root, or take user and group out"
    : error.message;
}

/** False when the disk does not take it. */
function writeRecord(path: string, record: ProcessRecord): boolean {
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return true;
  } catch {
    return false;
  }
}

async function writeLater(path: string, record: ProcessRecord, clock: Clock): Promise<void> {
  do await clock.sleep(recordRetryMs);
  while (isAlive(record) && !writeRecord(path, record));
}

/** Takes over the process that the record names, if exactly that process still lives. */
export function adoptProcess(recordPath: string, clock: Clock): Running | undefined {
  const record = readRecord(recordPath);
  if (!record || record.startTime === "" || !isAlive(record)) return undefined;
  const exited = (async (): Promise<Exit> => {
    while (isAlive(record)) await clock.sleep(pollMs);
    return {};
  })();
  return running(record, true, exited, recordPath, clock);
}

/** What is left of the recorded process's group when the process itself has ended, if there is anything; to be ended. */
export function leftoverOf(recordPath: string, clock: Clock): Running | undefined {
  const record = readRecord(recordPath);
  // A living process with that pid is either the recorded one, or a stranger whose group has the number now.
  if (!record || record.boot !== identify(process.pid)?.boot || identify(record.pid) || !groupLives(record.pid)) return undefined;
  return running(record, true, Promise.resolve({}), recordPath, clock);
}

/** The record at that path, living process or not; undefined when there is none or it is broken. */
export function readRecord(recordPath: string): ProcessRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(recordPath, "utf8")) as ProcessRecord;
    return Number.isInteger(record.pid) && record.pid > 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

function running(record: ProcessRecord, adopted: boolean, exited: Promise<Exit>, recordPath: string, clock: Clock): Running {
  const group = record.group ?? record.pid;
  const signalGroup = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-group, signal);
    } catch {
      return false;
    }
  };
  return {
    record,
    adopted,
    exited,
    signal: (signal) => signalGroup(signal),
    async end(limitMs, hurry, first = "SIGTERM") {
      let deadline = clock.monotonic() + limitMs;
      let hurried = false;
      let killed = false;
      signalGroup(first);
      // A zombie is found by signals until its parent has reaped it, which for an adopted process is somebody else's work.
      while (signalGroup(0) && (isAlive(record) || record.startTime === "" || groupLives(group))) {
        if (hurry?.aborted && !hurried) {
          hurried = true;
          deadline = Math.min(deadline, clock.monotonic() + hurriedMs);
        }
        if (!killed && clock.monotonic() >= deadline) {
          killed = true;
          signalGroup("SIGKILL");
        }
        await clock.sleep(endPollMs);
      }
      rmSync(recordPath, { force: true });
      return { exit: await exited, killed };
    },
  };
}

/** An exit in words: "exited with code 1", "ended by SIGKILL", "ended". */
export function describeExit(exit: Exit): string {
  if (exit.signal) return `ended by ${exit.signal}`;
  return exit.code === undefined ? "ended (its exit code went to the agent that started it)" : `exited with code ${exit.code}`;
}
