/** Processes of a mesh that nobody ended: what its starter knew of, what its agents wrote down, and what carries its mark. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isAlive, type ProcessIdentity, signal } from "./process-identity.js";
import type { TetherResult } from "./tether.js";

/** Every process of a mesh has this variable in its environment, with the mesh's own mark. */
export const markVariable = "LEGATION_SANDBOX";

/** Where to look. */
export interface Traces {
  /** The mesh's directory, with the state directories of its agents in it. */
  readonly dir: string;
  readonly marker: string;
  readonly children: readonly ProcessIdentity[];
}

const rounds = 100;

/**
 * Ends every process of the mesh with SIGKILL, each by its own pid and start time, and looks again until none is left: an agent may
 * have started one in between.
 */
export async function sweep(traces: Traces): Promise<TetherResult> {
  const ended = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    const left = leftovers(traces);
    if (left.length === 0) return { ended: [...ended], survivors: [] };
    for (const identity of left) if (signal(identity, "SIGKILL")) ended.add(identity.pid);
    await sleep(20);
  }
  return { ended: [...ended], survivors: leftovers(traces).map(({ pid }) => pid) };
}

/** The processes of the mesh that run now. */
export function leftovers({ dir, marker, children }: Traces): ProcessIdentity[] {
  const found = new Map<number, ProcessIdentity>();
  for (const identity of [...children, ...markedProcesses(marker), ...writtenDown(dir)])
    if (identity.pid !== process.pid && isAlive(identity)) found.set(identity.pid, identity);
  return [...found.values()];
}

/** On Linux the environment of a process tells whose it is, even of one whose starter died before it wrote its pid. */
function markedProcesses(marker: string): ProcessIdentity[] {
  if (process.platform !== "linux" || marker === "") return [];
  const mark = `${markVariable}=${marker}`;
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (!readFileSync(`/proc/${entry}/environ`, "latin1").split("\0").includes(mark)) continue;
    } catch {
      continue;
    }
    const identity = identify(Number(entry));
    if (identity) found.push(identity);
  }
  return found;
}

/** The records that agents keep of their app and their Envoy: small JSON files with a pid and the start of the process. */
function writtenDown(dir: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const file of smallJsonFiles(dir)) {
    try {
      const { pid, startTime } = JSON.parse(readFileSync(file, "utf8")) as { pid?: unknown; startTime?: unknown };
      if (typeof pid === "number" && typeof startTime === "string") found.push({ pid, startTime });
    } catch {
      // A file that is being written, or something else than a record.
    }
  }
  return found;
}

function smallJsonFiles(dir: string): string[] {
  try {
    return readdirSync(dir, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(dir, name))
      .filter((path) => (statSync(path, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY) < 16_384);
  } catch {
    return [];
  }
}
