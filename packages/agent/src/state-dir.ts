/** The directory in which an agent keeps what the next one must find again. */
import { randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LegationError } from "@legation/runtime";
import { identify, isAlive, type ProcessIdentity } from "./process/identity.js";

/** What is kept besides files of their own. All of it may be lost: then ports are picked and counters begin again. */
export interface KeptState {
  /** The name of Consul's node when it was last heard. */
  readonly node?: string;
  /** Picked ports, by what they are for. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Envoy was told to drain its inbound connections, and has to be started anew before it takes traffic again. */
  readonly envoyDrained?: boolean;
  /** The service was healthy and served when it was last looked at. */
  readonly healthy?: boolean;
  readonly restarts?: number;
  /** Milliseconds since the epoch. */
  readonly lastRestart?: number;
}

/** `<state-dir>/ready.json`: where everything is, once the instance is registered and passing. Addresses are `host:port`. */
export interface ReadyFile {
  readonly id: string;
  /** Consul's node. */
  readonly node: string;
  readonly admin: string;
  readonly envoyAdmin?: string;
  readonly inbound?: string;
  readonly outbound?: string;
  readonly pids: { readonly agent: number; readonly app?: number; readonly envoy?: number };
}

/** An open state directory, held by this agent alone. Its files are written whole, in the same tick. */
export interface StateDir {
  readonly path: string;
  /** Of this directory, made once; part of the registration's owner. */
  readonly uuid: string;
  readonly kept: KeptState;
  keep(patch: KeptState): void;
  /** The path of a file in it. */
  file(name: string): string;
  writeReady(ready: ReadyFile): void;
  removeReady(): void;
  /** Lets go of it. */
  close(): void;
}

/** Opens (and makes) the directory. Throws LegationError "agent.state-dir" when it cannot be used, "agent.second" when another living agent holds it. */
export function openStateDir(path: string): StateDir {
  const file = (name: string): string => join(path, name);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock(file("agent.json"), path);
  } catch (error) {
    if (error instanceof LegationError) throw error;
    throw new LegationError(
      "agent.state-dir",
      `the state directory ${path} cannot be used: ${(error as Error).message}. Choose another with --state-dir or LEGATION_STATE_DIR`,
      { cause: error },
    );
  }
  let kept = readJson<KeptState>(file("kept.json")) ?? {};
  return {
    path,
    uuid: uuidOf(file("agent-uuid")),
    get kept() {
      return kept;
    },
    keep(patch) {
      const next = { ...kept, ...patch };
      if (JSON.stringify(next) === JSON.stringify(kept)) return;
      kept = next;
      replace(file("kept.json"), `${JSON.stringify(kept, null, 2)}\n`);
    },
    file,
    writeReady: (ready) => replace(file("ready.json"), `${JSON.stringify(ready, null, 2)}\n`),
    removeReady: () => rmSync(file("ready.json"), { force: true }),
    close: () => rmSync(file("agent.json"), { force: true }),
  };
}

function lock(path: string, directory: string): void {
  const me = JSON.stringify(identify(process.pid) ?? { pid: process.pid, startTime: "", boot: "" });
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = openSync(path, "wx", 0o600);
      writeSync(handle, me);
      closeSync(handle);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = readJson<ProcessIdentity>(path);
    if (holder && isAlive(holder)) {
      const who = `another agent (pid ${holder.pid}) uses the state directory ${directory}`;
      throw new LegationError("agent.second", `${who}. Stop it, or give this instance a directory of its own with --state-dir`);
    }
    rmSync(path, { force: true });
  }
  throw new LegationError("agent.second", `another agent is just taking the state directory ${directory}. Try again`);
}

function uuidOf(path: string): string {
  try {
    const uuid = readFileSync(path, "utf8").trim();
    if (uuid !== "") return uuid;
  } catch {
    // The first time there is none.
  }
  const uuid = randomUUID();
  replace(path, `${uuid}\n`);
  return uuid;
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}
