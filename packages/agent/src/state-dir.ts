/** The directory in which an agent keeps what the next one must find again. */
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { type IdentityMode, identityModes, tlsStates } from "@legation/contract";
import { LegationError } from "@legation/runtime";
import { type Contact, contactFile } from "./admin/contact.js";
import type { Tls } from "./identity/tls-progress.js";
import { identify, isAlive, type ProcessIdentity } from "./process/identity.js";

/** What is kept besides files of their own. All of it may be lost: then ports are picked and counters begin again. */
export interface KeptState {
  /** The name of Consul's node when it was last heard. */
  readonly node?: string;
  /** Picked ports, by what they are for. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Names the row of hot restarts of this instance's Envoy. */
  readonly envoyBaseId?: number;
  /** Envoy was told to drain its inbound connections, and has to be started anew before it takes traffic again. */
  readonly envoyDrained?: boolean;
  /** The service was healthy and served when it was last looked at. */
  readonly healthy?: boolean;
  /** An operator's reason to keep the instance out of service; only the operator ends that. */
  readonly maintenance?: string | undefined;
  /** The operator has ended it, and its mark may still stand in Consul. */
  readonly maintenanceEnded?: boolean;
  /** The directory of its certificates. */
  readonly certificates?: string;
  /** How connections to the service are made, as a control plane has last said it. */
  readonly mode?: IdentityMode;
  /** What the registration says of mutual TLS. */
  readonly tls?: Tls;
  /** The control planes speak TLS. */
  readonly controlPlaneTls?: boolean;
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

/**
 * An open state directory, held by this agent alone. Its files are written whole, in the same tick. A file that cannot be written (the disk
 * is full) is a problem for the next agent, never for the service: what is kept counts for this one all the same.
 */
export interface StateDir {
  readonly path: string;
  /** Of this directory, made once; part of the registration's owner. */
  readonly uuid: string;
  readonly kept: KeptState;
  keep(patch: KeptState): void;
  /** The path of a file in it. */
  file(name: string): string;
  /** Where the API is, and the token for it. */
  writeContact(contact: Contact): void;
  writeReady(ready: ReadyFile): void;
  removeReady(): void;
  /** Lets go of it; nothing is written to it any more. */
  close(): void;
}

/**
 * Opens (and makes) the directory. `onProblem` is told why a file could not be written, once for each stretch of failures, and undefined when
 * writing works again. Throws LegationError "agent.state-dir" when it cannot be used, "agent.second" when another living agent holds it.
 */
export function openStateDir(path: string, onProblem: (problem: string | undefined) => void = () => {}): StateDir {
  const file = (name: string): string => join(path, name);
  let uuid: string;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock(file("agent.json"), path);
    uuid = uuidOf(file("agent-uuid"));
  } catch (error) {
    if (error instanceof LegationError) throw error;
    throw new LegationError(
      "agent.state-dir",
      `the state directory ${path} cannot be used: ${(error as Error).message}. Choose another with --state-dir or LEGATION_STATE_DIR`,
      { cause: error },
    );
  }
  let kept = keptOf(readJson(file("kept.json")));
  let unwritten: string | undefined;
  let closed = false;
  const write = (name: string, value: unknown): void => {
    if (closed) return;
    try {
      replace(file(name), `${JSON.stringify(value, null, 2)}\n`);
      if (unwritten !== undefined) onProblem(undefined);
      unwritten = undefined;
    } catch (error) {
      const problem = (error as Error).message;
      if (unwritten === undefined) onProblem(problem);
      unwritten = problem;
    }
  };
  return {
    path,
    uuid,
    get kept() {
      return kept;
    },
    keep(patch) {
      const next = { ...kept, ...patch };
      if (JSON.stringify(next) === JSON.stringify(kept) && unwritten === undefined) return;
      kept = next;
      write("kept.json", kept);
    },
    file,
    writeContact: (contact) => write(contactFile, contact),
    writeReady: (ready) => write("ready.json", ready),
    removeReady: () => rmSync(file("ready.json"), { force: true }),
    close() {
      if (!closed) rmSync(file("agent.json"), { force: true });
      closed = true;
    },
  };
}

function lock(path: string, directory: string): void {
  const mine = `${path}.${process.pid}`;
  try {
    // The file comes into being whole: a lock that is half written would look like one that nobody holds.
    writeFileSync(mine, JSON.stringify(identify(process.pid) ?? { pid: process.pid, startTime: "", boot: "" }), { mode: 0o600 });
    for (let attempt = 0; attempt < 2; attempt++) {
      if (linked(mine, path)) return;
      const holder = holderOf(path);
      if (holder) {
        const who = `another agent (pid ${holder.pid}) uses the state directory ${directory}`;
        throw new LegationError("agent.second", `${who}. Stop it, or give this instance a directory of its own with --state-dir`);
      }
      discard(path, `${mine}.stale`);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  throw new LegationError("agent.second", `another agent is just taking the state directory ${directory}. Try again`);
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function holderOf(path: string): ProcessIdentity | undefined {
  const holder = readJson(path) as ProcessIdentity | null | undefined;
  return holder && isAlive(holder) ? holder : undefined;
}

/** Takes a lock without a holder away, and gives it back if another agent has just put its own in that place. */
function discard(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (holderOf(aside)) linked(aside, path);
  rmSync(aside, { force: true });
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

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** What of a file's content can be used; the rest is as good as lost. */
function keptOf(content: unknown): KeptState {
  if (typeof content !== "object" || content === null) return {};
  const {
    node,
    ports,
    envoyBaseId,
    envoyDrained,
    healthy,
    maintenance,
    maintenanceEnded,
    certificates,
    controlPlaneTls,
    mode,
    tls,
    restarts,
    lastRestart,
  } = content as Readonly<Record<string, unknown>>;
  const knownMode = identityModes.find((known) => known === mode);
  const knownTls = (["plain", ...tlsStates] as const).find((known) => known === tls);
  const usable = Object.entries(typeof ports === "object" && ports !== null ? ports : {}).filter(([, port]) => isWhole(port, 65_535));
  return {
    ...(typeof node === "string" && node !== "" ? { node } : {}),
    ...(usable.length > 0 ? { ports: Object.fromEntries(usable) as Record<string, number> } : {}),
    ...(isWhole(envoyBaseId, 400_000_000) && envoyBaseId > 0 ? { envoyBaseId } : {}),
    ...(typeof envoyDrained === "boolean" ? { envoyDrained } : {}),
    ...(typeof healthy === "boolean" ? { healthy } : {}),
    ...(typeof maintenance === "string" ? { maintenance } : {}),
    ...(typeof maintenanceEnded === "boolean" ? { maintenanceEnded } : {}),
    ...(typeof certificates === "string" && isAbsolute(certificates) ? { certificates } : {}),
    ...(knownMode ? { mode: knownMode } : {}),
    ...(knownTls ? { tls: knownTls } : {}),
    ...(typeof controlPlaneTls === "boolean" ? { controlPlaneTls } : {}),
    ...(isWhole(restarts, Number.MAX_SAFE_INTEGER) ? { restarts } : {}),
    ...(isWhole(lastRestart, latestTime) ? { lastRestart } : {}),
  };
}

/** The last moment that a Date can hold, milliseconds since the epoch. */
const latestTime = 8.64e15;

function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}
