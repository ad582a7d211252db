/** The hot restart of an Envoy: whether it is possible, and the wait until the new one has taken over. */
import { execFile } from "node:child_process";
import { accessSync, constants, rmSync } from "node:fs";
import { promisify } from "node:util";
import type { Clock } from "@legation/runtime";
import { hasGate } from "../process/launcher.js";
import type { Running } from "../process/running.js";
import type { StateDir } from "../state-dir.js";
import type { EnvoyAdmin } from "./admin.js";
import type { Generation } from "./build.js";

/** A handover that did not come about. `later` when it is only to be tried again. */
export type Obstacle = { readonly why: string; readonly later: boolean } | undefined;

const sharedMemory = "/dev/shm";

/** True where Envoys can share memory and be held by a parent that outlives the agent, without which there is no hot restart. */
export function canHotRestart(directory = sharedMemory): boolean {
  if (!hasGate()) return false;
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The id for an instance's row of hot restarts: picked once so that no other row on this machine is likely to have it, and kept. */
export function keptBaseId(stateDir: Pick<StateDir, "kept" | "keep">, random: () => number = Math.random): number {
  const envoyBaseId = stateDir.kept.envoyBaseId ?? 1 + Math.floor(random() * 400_000_000);
  stateDir.keep({ envoyBaseId });
  return envoyBaseId;
}

/** Removes what Envoy leaves in shared memory when the last of a row has ended. */
export function forgetBaseId(baseId: number, directory = sharedMemory): void {
  rmSync(`${directory}/envoy_shared_memory_${baseId * 10}`, { force: true });
}

/** The generation that a record tells of; undefined for an Envoy that was started without hot restart. */
export function generationOf({ record }: Running): Generation | undefined {
  const { baseId, epoch } = record.marks ?? {};
  return baseId === undefined || epoch === undefined ? undefined : { baseId, epoch };
}

/** What keeps the living Envoy from handing over to one of `binary`; undefined when nothing does. */
export async function obstacleTo(old: Running, binary: string, admin: EnvoyAdmin): Promise<Obstacle> {
  if (!generationOf(old)) return { why: "it was started without hot restart", later: false };
  try {
    const [theirs, ours] = await Promise.all([admin.hotRestartVersion(), versionOf(binary)]);
    if (theirs !== ours) return { why: `its hot restart version is ${theirs}, the new binary's ${ours}`, later: false };
    // A successor gets its listeners from a control plane; without one it could never take over.
    if (!(await admin.connected())) return { why: "no control plane answers", later: true };
    return undefined;
  } catch (error) {
    return { why: (error as Error).message, later: false };
  }
}

async function versionOf(binary: string): Promise<string> {
  // Envoy says it on standard error.
  const { stdout, stderr } = await promisify(execFile)(binary, ["--hot-restart-version"], { timeout: 20_000 });
  return `${stdout}${stderr}`.trim();
}

const pollMs = 50;

/** Resolves when Envoy of that epoch is behind the admin interface and lives as `notLive` wants it; to why not, when it ended or was too slow. */
export async function untilTakenOver(
  child: Running,
  epoch: number,
  admin: EnvoyAdmin,
  notLive: () => Promise<string | undefined>,
  limitMs: number,
  clock: Clock,
): Promise<string | undefined> {
  let exited = false;
  void child.exited.then(() => {
    exited = true;
  });
  const deadline = clock.monotonic() + limitMs;
  let missing: string | undefined = "it does not answer yet";
  while (!exited && clock.monotonic() < deadline) {
    // A kept connection would still lead to the one before.
    admin.reconnect();
    const answering = await admin.identity().catch(() => undefined);
    if (answering?.epoch === epoch) missing = await notLive();
    if (missing === undefined) return undefined;
    await clock.sleep(pollMs);
  }
  return exited ? "the new Envoy ended" : `the new Envoy was not live within ${limitMs} ms: ${missing}`;
}
