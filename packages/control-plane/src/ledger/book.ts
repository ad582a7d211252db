/** The changes that are kept, oldest first: those under way, and records of the others. */
import type { OpenChange } from "./open-change.js";
import type { LedgerRecord } from "./record.js";

/** What is kept at most. Bytes are those of the records as they are written to the file. */
export const bookLimits = { changes: 5_000, bytes: 4 * 1024 * 1024 } as const;

/** A change that is under way counts as this many bytes. */
const bytesOfOpen = 1_024;

/** The book. */
export interface Book {
  has(id: string): boolean;
  open(open: OpenChange): void;
  /** Puts the record of a change that is over in its place; or adds one of an earlier run. */
  close(record: LedgerRecord): void;
  /** Takes a change out that was none. */
  forget(id: string): void;
  record(id: string): LedgerRecord | undefined;
  /** When the oldest was seen, if older ones had to go; milliseconds since the epoch. */
  cutAt(): number | undefined;
  /** Those seen after `since` (milliseconds since the epoch), the newest first; made as they are asked for. */
  newest(since: number): Iterable<LedgerRecord>;
  /** Those under way, oldest first. */
  underWay(): Iterable<OpenChange>;
  readonly size: number;
  readonly bytes: number;
}

/** Makes an empty book. `evicted` hears of changes that had to go while they were under way. */
export function createBook(
  evicted: (open: OpenChange) => void,
  limits: { readonly changes: number; readonly bytes: number } = bookLimits,
): Book {
  const entries = new Map<string, { readonly bytes: number; readonly value: OpenChange | LedgerRecord }>();
  const open = new Map<string, OpenChange>();
  let bytes = 0;
  let cut = false;

  function put(id: string, value: OpenChange | LedgerRecord, size: number): void {
    bytes += size - (entries.get(id)?.bytes ?? 0);
    entries.set(id, { bytes: size, value });
    for (const [oldest, entry] of entries) {
      if (entries.size <= limits.changes && bytes <= limits.bytes) return;
      if (oldest === id) continue;
      cut = true;
      entries.delete(oldest);
      bytes -= entry.bytes;
      const going = open.get(oldest);
      open.delete(oldest);
      if (going) evicted(going);
    }
  }

  const seenOf = (value: OpenChange | LedgerRecord) => ("change" in value ? value.at : value.seen);
  const recordOf = (value: OpenChange | LedgerRecord) => ("change" in value ? value.record(false) : value);

  return {
    has: (id) => entries.has(id),
    open(change) {
      open.set(change.change.id, change);
      put(change.change.id, change, bytesOfOpen);
    },
    close(record) {
      open.delete(record.id);
      put(record.id, record, JSON.stringify(record).length);
    },
    forget(id) {
      bytes -= entries.get(id)?.bytes ?? 0;
      entries.delete(id);
      open.delete(id);
    },
    cutAt() {
      for (const { value } of entries.values()) return cut ? seenOf(value) : undefined;
      return undefined;
    },
    record(id) {
      const entry = entries.get(id);
      return entry && recordOf(entry.value);
    },
    *newest(since) {
      for (const { value } of [...entries.values()].reverse()) {
        if (seenOf(value) <= since) continue;
        yield recordOf(value);
      }
    },
    underWay: () => open.values(),
    get size() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
  };
}
