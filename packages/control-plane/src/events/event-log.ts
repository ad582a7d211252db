/**
 * The newest events of all control planes, as one of them has learnt of them: a ring in memory. Each row has the run of the control plane that
 * told it and that one's number for it; numbers of one run rise from row to row at every control plane, so that a reader's place is one
 * number for each run (`cursor.ts`).
 */
import type { EventGap, MeshEvent } from "@legation/contract/api";
import { type Cursor, cursorRuns } from "./cursor.js";

/** Events kept at most, and a tenth more before the oldest are let go. What that takes: `npm run bench -- events`. */
export const eventsKept = 20_000;

/** Runs of control planes that are remembered at most. */
const runsKept = 256;

/** An event with who told it. */
export interface EventRow {
  /** One run of one control plane: eight hexadecimal digits. */
  readonly run: string;
  /** Rises by one or more with each event that this run tells. */
  readonly seq: number;
  readonly event: MeshEvent;
}

/** A row in the ring. */
export interface KeptRow extends EventRow {
  /** Rises by one with each row, in this process. */
  readonly place: number;
}

/** The ring. */
export interface EventLog {
  /** Takes a row. False for an event that is known already: then only its second number is remembered. */
  add(row: EventRow): boolean;
  has(id: string): boolean;
  /** Rows behind a place, the oldest first, `most` at most. */
  after(place: number, most: number): readonly KeptRow[];
  /** The place of the newest row; 0 without any. */
  readonly end: number;
  /** Whether a reader with this cursor has been given the row. */
  covers(cursor: Cursor, row: KeptRow): boolean;
  /** Everything that is known now. */
  cursor(): Cursor;
  /** What a reader with this cursor has missed for good. */
  gap(cursor: Cursor): EventGap | undefined;
  /** Oldest first. */
  list(): readonly KeptRow[];
  /** Resolves as soon as there is a row behind that place; rejects with the reason of the signal. */
  next(place: number, signal: AbortSignal): Promise<void>;
}

type Entry = KeptRow & { readonly also: Map<string, number> };

/** Makes an empty ring. */
export function createEventLog(kept = eventsKept): EventLog {
  let entries: Entry[] = [];
  const byId = new Map<string, Entry>();
  /** By run: its highest number that was heard, and the highest that was let go. The run that was heard last stands last. */
  const heard = new Map<string, number>();
  const gone = new Map<string, number>();
  const waiting = new Set<() => void>();
  let end = 0;

  function hear(run: string, seq: number): void {
    const before = heard.get(run) ?? 0;
    heard.delete(run);
    heard.set(run, Math.max(before, seq));
    for (const oldest of heard.keys()) {
      if (heard.size <= runsKept) break;
      heard.delete(oldest);
      gone.delete(oldest);
    }
  }

  function letGo(): void {
    if (entries.length <= kept * 1.1) return;
    const old = entries.slice(0, entries.length - kept);
    entries = entries.slice(-kept);
    for (const { run, seq, event } of old) {
      byId.delete(event.id);
      if (heard.has(run)) gone.set(run, seq);
    }
  }

  const after = (place: number, most: number): readonly KeptRow[] => {
    const first = entries[0]?.place ?? 0;
    const from = Math.max(0, place - first + 1);
    return entries.slice(from, from + most);
  };

  return {
    add({ run, seq, event }) {
      const known = byId.get(event.id);
      const overtaken = seq <= (heard.get(run) ?? 0);
      hear(run, seq);
      if (known) {
        if (known.run !== run) known.also.set(run, seq);
        return false;
      }
      // Of one run the order holds: what comes after a later one was let go before it could be heard.
      if (overtaken) return false;
      const entry: Entry = { run, seq, event, place: ++end, also: new Map() };
      entries.push(entry);
      byId.set(event.id, entry);
      letGo();
      for (const wake of [...waiting]) wake();
      return true;
    },
    has: (id) => byId.has(id),
    after,
    get end() {
      return end;
    },
    covers(cursor, row) {
      if ((cursor.get(row.run) ?? 0) >= row.seq) return true;
      return [...(byId.get(row.event.id)?.also ?? [])].some(([run, seq]) => (cursor.get(run) ?? 0) >= seq);
    },
    cursor() {
      const here = new Set(entries.map(({ run }) => run));
      return new Map([...heard].filter(([run]) => here.has(run)).slice(-cursorRuns));
    },
    gap(cursor) {
      const here = new Set(entries.map(({ run }) => run));
      let missing = 0;
      for (const [run, seq] of gone) if (cursor.has(run) || here.has(run)) missing += Math.max(0, seq - (cursor.get(run) ?? 0));
      return missing === 0 ? undefined : { missing, why: `up to ${missing} events are older than the ${kept} that are kept` };
    },
    list: () => entries,
    next(place, signal) {
      return new Promise((resolve, reject) => {
        if (end > place) return resolve();
        if (signal.aborted) return reject(signal.reason as Error);
        const done = (): void => {
          waiting.delete(wake);
          signal.removeEventListener("abort", abort);
        };
        const wake = (): void => {
          done();
          resolve();
        };
        const abort = (): void => {
          done();
          reject(signal.reason as Error);
        };
        waiting.add(wake);
        signal.addEventListener("abort", abort);
      });
    },
  };
}
