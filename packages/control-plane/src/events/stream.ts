/** Events as a stream of server-sent events (the HTML standard, section 9.2), for as long as the reader keeps up. */
import type { ServerResponse } from "node:http";
import type { EventGap, MeshEvent } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import { type Cursor, cursorText } from "./cursor.js";
import type { EventLog, KeptRow } from "./event-log.js";

/** Streams open at once, at most. */
export const eventStreams = 1_000;

/** How often an idle stream carries a comment and the reader's place, so that both sides notice a dead connection; milliseconds. */
export const eventHeartbeat = 10_000;

/** A reader that takes nothing for so long is let go, and comes back with its place; milliseconds. */
export const slowReader = 10_000;

/** After how long a reader should connect again; milliseconds. */
const retryMs = 1_000;

/** Rows that are looked at together: no more of them ever wait in memory for one reader. */
const rowsAtOnce = 100;

/** What one stream is made of. */
export interface EventStream {
  readonly raw: ServerResponse;
  readonly log: EventLog;
  /** Behind which place in the log it begins, and what its reader has of that already. */
  readonly from: { readonly place: number; readonly cursor: Cursor };
  /** Told first. */
  readonly gap: EventGap | undefined;
  readonly wanted: (event: MeshEvent) => boolean;
  readonly visible: (rows: readonly KeptRow[]) => Promise<readonly KeptRow[]>;
  readonly clock: Clock;
}

/** Writes until the reader goes, is too slow, or `visible` rejects. Resolves then; never rejects. */
export async function streamEvents({ raw, log, from, gap, wanted, visible, clock }: EventStream): Promise<void> {
  const closed = new AbortController();
  raw.on("error", () => raw.destroy());
  raw.once("close", () => closed.abort(new Error("the reader has gone")));
  raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" });
  const place = new Map(from.cursor);
  let at = from.place;
  const here = () => `id: ${cursorText(place)}\n`;
  raw.write(`: open\nretry: ${retryMs}\n\n`);
  if (gap) raw.write(`event: gap\ndata: ${JSON.stringify(gap)}\n\n`);
  raw.write(`${here()}\n`);
  try {
    while (!closed.signal.aborted) {
      const rows = log.after(at, rowsAtOnce);
      if (rows.length === 0) {
        if (!(await news(log, at, clock, closed.signal))) raw.write(`: still here\n${here()}\n`);
      } else {
        const first = rows[0]?.place ?? at;
        if (first > at + 1) {
          const missing = first - at - 1;
          raw.write(`event: gap\ndata: ${JSON.stringify({ missing, why: "the reader was slower than the events" })}\n\n`);
        }
        const fresh = rows.filter((row) => !log.covers(from.cursor, row));
        const shown = new Set(await visible(fresh.filter(({ event }) => wanted(event))));
        for (const row of rows) {
          place.delete(row.run);
          place.set(row.run, Math.max(row.seq, from.cursor.get(row.run) ?? 0));
          if (shown.has(row)) raw.write(`${here()}event: ${row.event.type}\ndata: ${JSON.stringify(row.event)}\n\n`);
        }
        at = rows.at(-1)?.place ?? at;
      }
      if (raw.writableNeedDrain) await drained(raw, clock, closed.signal);
    }
  } catch {
    // Whoever the reader is cannot be said any more, or it does not read: it connects again with its place.
  }
  raw.destroy();
}

/** Resolves to true when there are events, to false when there are none for a heartbeat. Rejects with the reason of the signal. */
async function news(log: EventLog, place: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  const timer = clock.timeout(eventHeartbeat, () => over.abort(new Error("idle")));
  const closed = (): void => over.abort(signal.reason);
  signal.addEventListener("abort", closed, { once: true });
  try {
    await log.next(place, over.signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", closed);
  }
}

/** Rejects when the reader takes nothing for `slowReader`. */
function drained(raw: ServerResponse, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.timeout(slowReader, () => reject(new Error("the reader is too slow")));
    const done = (): void => {
      timer.cancel();
      raw.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    raw.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
