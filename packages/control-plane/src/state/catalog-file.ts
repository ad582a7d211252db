/** The last good catalog on disk: read once at start, written behind the changes. */
import { readFile, rename } from "node:fs/promises";
import { type Clock, type Logger, writeFileAtomic } from "@legation/runtime";
import { decodeCatalog, encodeCatalog, type SavedCatalog } from "./catalog-document.js";

/** How long a change waits for others before the file is written, and how old the time in it may get without one; milliseconds. */
export const catalogFileDelay = { change: 1_000, refresh: 60_000 } as const;

/** Bytes per millisecond that a registry which never rests may cost the disk: 0.5 MB/s. A large file is written more rarely. */
const writeRate = 500;

/**
 * Reads the file. A missing one is undefined. One that cannot be understood, or comes from another data centre than
 * `datacenter`, is moved aside (`<path>.corrupt-<ms>`, `<path>.foreign-<ms>`) with an event in the log, and undefined too: a start never fails on it.
 */
export async function readCatalogFile(
  path: string,
  o: { datacenter: string | undefined; clock: Clock; log: Logger },
): Promise<SavedCatalog | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    o.log.error({ event: "state.unreadable", path, err: error }, "the last good catalog cannot be read; starting without it");
    return undefined;
  }
  try {
    const saved = decodeCatalog(text);
    if (!o.datacenter || !saved.datacenter || saved.datacenter === o.datacenter) return saved;
    const aside = await moveAside(path, "foreign", o.clock);
    o.log.warn({ event: "state.foreign", path, aside }, `the last good catalog is of data centre ${saved.datacenter}; starting without it`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const aside = await moveAside(path, "corrupt", o.clock);
    o.log.error({ event: "state.corrupt", path, aside, why }, `the last good catalog is damaged (${why}); starting without it`);
  }
  return undefined;
}

/** The new path; undefined when the file cannot be moved, and the next write will replace it. */
async function moveAside(path: string, why: string, clock: Clock): Promise<string | undefined> {
  const aside = `${path}.${why}-${clock.now()}`;
  return rename(path, aside).then(
    () => aside,
    () => undefined,
  );
}

/** Writes the file behind the changes. */
export interface CatalogFile {
  /** Something changed: the file is written within `catalogFileDelay.change`, or a time in proportion to its size when that is longer. */
  changed(): void;
  /** Writes what is not yet written, and ends. */
  stop(): Promise<void>;
}

/**
 * Makes the writer. `current` gives the state to write, or undefined as long as there is none worth keeping. A failed write
 * is logged and tried again with the next change or refresh; it stops nothing.
 */
export function createCatalogFile(o: { path: string; current(): SavedCatalog | undefined; clock: Clock; log: Logger }): CatalogFile {
  let timer = o.clock.timeout(catalogFileDelay.refresh, write);
  let soon = false;
  let stopped = false;
  let writing: Promise<void> = Promise.resolve();
  let failing = false;
  let pending = false;
  let bytes = 0;

  function write(): void {
    soon = false;
    if (!stopped) timer = o.clock.timeout(catalogFileDelay.refresh, write);
    if (pending) return;
    pending = true;
    writing = writing.then(save);
  }

  async function save(): Promise<void> {
    pending = false;
    const saved = o.current();
    if (!saved) return;
    try {
      const text = encodeCatalog(saved);
      bytes = text.length;
      await writeFileAtomic(o.path, text, { mode: 0o600 });
      if (failing) o.log.info({ event: "state.written", path: o.path }, "the last good catalog is written again");
      failing = false;
    } catch (error) {
      if (!failing) o.log.error({ event: "state.write-failed", path: o.path, err: error }, "the last good catalog cannot be written");
      failing = true;
    }
  }

  return {
    changed() {
      if (soon || stopped) return;
      soon = true;
      timer.cancel();
      timer = o.clock.timeout(Math.min(catalogFileDelay.refresh, Math.max(catalogFileDelay.change, bytes / writeRate)), write);
    },
    async stop() {
      stopped = true;
      timer.cancel();
      write();
      await writing;
    },
  };
}
