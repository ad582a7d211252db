/** Where an instance's certificates lie: a directory of its own for this user alone, in memory where the machine has such a place. */
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, mkdtempSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** A place in which such directories are made. */
export interface Place {
  readonly path: string;
  /** False on a disk, where a removed key may be found again. */
  readonly inMemory: boolean;
}

/** What the choice depends on. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The last resort. */
  readonly stateDir: string;
  /** Whether whoever is to read the files reads below /dev; asked where no other place is in memory. */
  readonly readsDevices: () => Promise<boolean>;
  /** The type of a path's file system, as statfs(2) has it; undefined where nothing can be made. Passed in for tests. */
  readonly fileSystem?: (path: string) => number | undefined;
}

const devices = "/dev/shm";

/** How the directories are named. */
export const directoryPrefix = "legation-certificates-";

/** TMPFS_MAGIC and RAMFS_MAGIC of statfs(2). */
const inMemory = new Set([0x01021994, 0x858458f6]);

/**
 * The first place in memory of systemd's `RuntimeDirectory=`, `XDG_RUNTIME_DIR`, /run and /dev/shm in which this user can make a directory; the
 * state directory where there is none.
 */
export async function placeFor({ env, stateDir, readsDevices, fileSystem = fileSystemOf }: Surroundings): Promise<Place> {
  const runtime = env["RUNTIME_DIRECTORY"]?.split(":")[0];
  const isInMemory = (path: string | undefined): path is string => path?.startsWith("/") === true && inMemory.has(fileSystem(path) ?? 0);
  const path = [runtime, env["XDG_RUNTIME_DIR"], "/run"].find(isInMemory);
  if (path !== undefined) return { path, inMemory: true };
  if (isInMemory(devices) && (await readsDevices())) return { path: devices, inMemory: true };
  return { path: stateDir, inMemory: false };
}

/** Makes a directory of mode 0700 whose name nobody can guess, and nobody has had before: an Envoy watches the one that it has heard of. */
export function makeDirectory({ path }: Place): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const made = mkdtempSync(join(path, directoryPrefix));
  chmodSync(made, 0o700);
  return made;
}

/** True for a directory that is this user's, and nobody else's to look into. */
export function isOwnDirectory(path: string, myUid: number | undefined = process.getuid?.()): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && (found.mode & 0o077) === 0 && (myUid === undefined || found.uid === myUid);
}

function fileSystemOf(path: string): number | undefined {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return statfsSync(path).type;
  } catch {
    return undefined;
  }
}
