/** Lines of JSON in a bounded set of files: appended in order, rotated by size, read again at start. A full disk stops nothing. */
import { appendFile, mkdir, readFile, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, type Logger, messageOf } from "@legation/runtime";

/** A file grows to so many bytes, and so many older ones are kept beside it (`.1` is the newest of them). */
export const journalLimits = { bytes: 4 * 1024 * 1024, older: 3 } as const;

/** Lines that wait for the disk at most, and a tenth more before the oldest are lost; the log says how many. Thousands of instances may change at once. */
export const waitingAtMost = 20_000;
/** After a failure the next attempt is made with the first line that comes after this time; milliseconds. */
const retryMs = 5_000;

/** The files. */
export interface Journal {
  /** Takes a value; never throws. */
  append(value: object): void;
  /** Writes what waits, as far as the disk takes it. */
  stop(): Promise<void>;
}

/** Reads the values of all files, oldest first; a line that is broken is left out. Rejects never: what cannot be read counts as empty. */
export async function readJournal(path: string): Promise<readonly unknown[]> {
  const values: unknown[] = [];
  for (let age = journalLimits.older; age >= 0; age--)
    for (const line of (await readFile(named(path, age), "utf8").catch(() => "")).split("\n")) {
      if (line === "") continue;
      try {
        values.push(JSON.parse(line));
      } catch {
        // Cut off by a full disk or a crash.
      }
    }
  return values;
}

/** Makes the writer of the file at `path`, whose directory it makes (0700). `what` it holds stands in the log: `audit`. */
export function createJournal(o: { path: string; what: string; clock: Clock; log: Logger }): Journal {
  const { path, what, clock, log } = o;
  let waiting: string[] = [];
  let lost = 0;
  let size: number | undefined;
  let failedAt: number | undefined;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      try {
        // What was cut off before must not swallow the next line.
        await put(`${failedAt === undefined ? "" : "\n"}${lines.join("")}`);
        if (failedAt !== undefined)
          log.info({ event: "journal.restored", what, path, lost }, `the ${what} file ${path} is written again; ${lost} entries were lost`);
        else if (lost > 0)
          log.warn({ event: "journal.dropped", what, path, lost }, `${lost} entries came faster than the ${what} file ${path} takes them`);
        failedAt = undefined;
        lost = 0;
      } catch (error) {
        if (failedAt === undefined)
          log.error(
            { event: "journal.write-failed", what, path, error },
            `the ${what} file ${path} cannot be written (${messageOf(error)}): the entries are in memory`,
          );
        failedAt = clock.monotonic();
        size = undefined;
        waiting = lines.concat(waiting);
        drop();
        return;
      }
    }
  }

  async function put(text: string): Promise<void> {
    if (size === undefined) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      size = await stat(path).then(
        (found) => found.size,
        () => 0,
      );
    }
    if (size > 0 && size + text.length > journalLimits.bytes) {
      for (let age = journalLimits.older - 1; age >= 0; age--) await rename(named(path, age), named(path, age + 1)).catch(absent);
      size = 0;
    }
    await appendFile(path, text, { mode: 0o600 });
    size += Buffer.byteLength(text);
  }

  function drop(): void {
    if (waiting.length <= waitingAtMost * 1.1) return;
    lost += waiting.length - waitingAtMost;
    waiting = waiting.slice(-waitingAtMost);
  }

  function begin(): void {
    writing ??= write().finally(() => {
      writing = undefined;
      if (waiting.length > 0 && failedAt === undefined) begin();
    });
  }

  return {
    append(value) {
      waiting.push(`${JSON.stringify(value)}\n`);
      drop();
      if (failedAt === undefined || clock.monotonic() - failedAt >= retryMs) begin();
    },
    async stop() {
      await writing;
      begin();
      await writing;
    },
  };
}

function named(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

function absent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
