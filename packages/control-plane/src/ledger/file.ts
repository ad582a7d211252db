/**
 * The ledger on disk: a line of JSON for each change that became known or other, the last line of a change counts. When `ledger.jsonl` is full
 * it takes the place of `ledger.old.jsonl`, so that both together stay bounded and no write is long.
 */
import { appendFile, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, codeOf, type Logger, messageOf, type Timer } from "@legation/runtime";
import { bookLimits } from "./book.js";
import { type LedgerRecord, ledgerRecord } from "./record.js";

/** How long a change waits for others before lines are written: what a kill may cost; milliseconds. */
export const ledgerFileDelay = 250;

/** Of each of the two files; bytes. */
export const ledgerFileLimit = bookLimits.bytes;

const pathsIn = (stateDir: string) => [join(stateDir, "ledger.old.jsonl"), join(stateDir, "ledger.jsonl")] as const;

/** Reads what earlier runs have kept, oldest first. Lines that cannot be understood are left out; a start never fails on them. */
export async function readLedgerFile(stateDir: string, log: Pick<Logger, "warn">): Promise<readonly LedgerRecord[]> {
  const records = new Map<string, LedgerRecord>();
  let odd = 0;
  for (const path of pathsIn(stateDir)) {
    let text = "";
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if (codeOf(error) !== "ENOENT")
        log.warn({ event: "state.ledger-unreadable", path, problem: messageOf(error) }, "what the ledger has kept cannot be read");
    }
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const record = recordOf(line);
      if (record) records.set(record.id, record);
      else odd++;
    }
  }
  // A kill may have cut the last line off.
  if (odd > 1) log.warn({ event: "state.ledger-odd", lines: odd }, `${odd} lines of the kept ledger cannot be understood and are left out`);
  return [...records.values()].sort((a, b) => a.seen - b.seen);
}

function recordOf(line: string): LedgerRecord | undefined {
  try {
    return ledgerRecord.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Writes behind the changes. */
export interface LedgerFile {
  changed(id: string): void;
  /** Writes what is not yet written, and ends. */
  stop(): Promise<void>;
}

/** Makes the writer; `record` tells of a change as it is when it is written. A failed write is logged, and what it held is lost. */
export function createLedgerFile(o: {
  readonly stateDir: string;
  readonly record: (id: string) => LedgerRecord | undefined;
  readonly clock: Pick<Clock, "timeout">;
  readonly log: Pick<Logger, "error">;
  /** Bytes; `ledgerFileLimit` unless given. */
  readonly limit?: number;
}): LedgerFile {
  const { limit = ledgerFileLimit } = o;
  const [old, path] = pathsIn(o.stateDir);
  const due = new Set<string>();
  let timer: Timer | undefined;
  let size: number | undefined;
  let writing: Promise<void> = Promise.resolve();
  let stopped = false;

  async function append(text: string): Promise<void> {
    try {
      size ??= await stat(path).then(
        (found) => found.size,
        () => 0,
      );
      if (size > 0 && size + text.length > limit) {
        await rename(path, old);
        size = 0;
      }
      // Also ends a line that a kill has cut off.
      await appendFile(path, size > 0 ? `\n${text}` : text, { mode: 0o600 });
      size += Buffer.byteLength(text) + 1;
    } catch (error) {
      o.log.error({ event: "state.write-failed", path, problem: messageOf(error) }, "the ledger cannot be kept");
    }
  }

  async function save(): Promise<void> {
    const ids = [...due];
    due.clear();
    let text = "";
    for (const id of ids) {
      const record = o.record(id);
      if (!record) continue;
      const line = `${JSON.stringify(record)}\n`;
      if (text !== "" && text.length + line.length > limit / 4) {
        await append(text);
        text = "";
      }
      text += line;
    }
    if (text !== "") await append(text);
  }

  function write(): void {
    timer = undefined;
    writing = writing.then(save);
  }

  return {
    changed(id) {
      if (stopped) return;
      due.add(id);
      timer ??= o.clock.timeout(ledgerFileDelay, write);
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      if (due.size > 0) write();
      await writing;
    },
  };
}
