/** Keeps an instance's certificates where its Envoy and the next agent find them. */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Logger } from "@legation/runtime";
import type { StateDir } from "../state-dir.js";
import { readLeaf } from "./certificate.js";
import { directoryPrefix, isOwnDirectory, makeDirectory, type Place } from "./directory.js";
import { type CertificateSet, readCertificates, writeCertificates } from "./files.js";

/** What was found, and where. */
export interface SavedCertificates extends CertificateSet {
  readonly directory: string;
}

/** See the file's sentence. */
export interface CertificateStore {
  /** Chooses the place for a new directory; to be called once, before the first write. */
  prepare(): Promise<void>;
  /** What an agent has written before; undefined where there is nothing, or nothing that is this user's alone. */
  saved(): SavedCertificates | undefined;
  /** True while the directory that was written last is there, and this user's alone. */
  stands(): boolean;
  /**
   * Writes them, and returns the directory. It is the one before as long as that one is there: an Envoy that watches a removed directory hears of
   * nothing any more, and another path is what makes it start anew. Throws Node's error when nothing can be written.
   */
  write(set: CertificateSet): string;
}

/** What the store needs. */
export interface CertificateStoreOptions {
  readonly stateDir: Pick<StateDir, "kept" | "keep" | "path">;
  /** Where a new directory is made. */
  readonly place: () => Promise<Place>;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
  /** Names this process's view of the file system: containers may share a place in memory, and none sees the others' directories. */
  readonly mounts?: string;
}

/** Names the state directory of the instance whose certificates they are. */
const ownerFile = "state-directory";
/** Names the view of the file system in which that directory is. */
const mountsFile = "mount-namespace";

/** How long after its end a certificate that nobody has renewed is left lying, milliseconds. */
const abandonedMs = 7 * 24 * 3_600_000;

/** Creates the store; nothing is made before the first write. */
export function createCertificateStore({
  stateDir,
  place,
  clock,
  log,
  mounts = mountNamespace(),
}: CertificateStoreOptions): CertificateStore {
  let chosen: Place | undefined;
  const usable = (): string | undefined => {
    const { certificates } = stateDir.kept;
    return certificates !== undefined && isOwnDirectory(certificates) ? certificates : undefined;
  };
  const make = (): string => {
    if (!chosen) throw new Error("the store of certificates is not prepared");
    const directory = makeDirectory(chosen);
    try {
      writeFileSync(join(directory, mountsFile), `${mounts}\n`, { mode: 0o600 });
      writeFileSync(join(directory, ownerFile), `${stateDir.path}\n`, { mode: 0o600 });
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    stateDir.keep({ certificates: directory });
    const where = chosen.inMemory ? "in memory" : "on disk: set XDG_RUNTIME_DIR or RuntimeDirectory= to a tmpfs to keep its key off it";
    log.info({ event: "identity.directory", directory, inMemory: chosen.inMemory }, `the certificates lie in ${directory}, ${where}`);
    sweep(chosen, directory, mounts, clock.now());
    return directory;
  };
  return {
    async prepare() {
      chosen = await place();
    },
    saved() {
      const directory = usable();
      const found = directory === undefined ? undefined : readCertificates(directory);
      return found && directory !== undefined ? { ...found, directory } : undefined;
    },
    stands: () => usable() !== undefined,
    write(set) {
      const directory = usable() ?? make();
      writeCertificates(directory, set);
      return directory;
    },
  };
}

/** Removes what instances that are long gone have left in the same place. */
function sweep({ path }: Place, mine: string, mounts: string, now: number): void {
  for (const name of readdirSync(path)) {
    const directory = join(path, name);
    if (!name.startsWith(directoryPrefix) || directory === mine || !isOwnDirectory(directory)) continue;
    if (isAbandoned(directory, mounts, now)) rmSync(directory, { recursive: true, force: true });
  }
}

function isAbandoned(directory: string, mounts: string, now: number): boolean {
  try {
    const said = (file: string): string => readFileSync(join(directory, file), "utf8").trim();
    const stateDir = said(ownerFile);
    // One that is empty is just being written.
    if (stateDir !== "" && said(mountsFile) === mounts && !existsSync(stateDir)) return true;
    const left = readCertificates(directory);
    return left !== undefined && readLeaf(left.leaf).notAfter < now - abandonedMs;
  } catch {
    // It is just being made, or holds what is not ours.
    return false;
  }
}

function mountNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/mnt");
  } catch {
    return "";
  }
}
