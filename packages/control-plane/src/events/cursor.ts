/**
 * A reader's place among the events, true at every control plane: of each run of a control plane the number of its last event that the reader
 * has been given. As text `<run>.<number>`, several joined by `_`.
 */

/** By run. */
export type Cursor = ReadonlyMap<string, number>;

/** Runs in a cursor at most; those that were heard of last. */
export const cursorRuns = 16;

/** The cursor of a reader that has been given more: what `more` says of a run is later, and the runs that it names were heard of last. */
export function movedOn(cursor: Cursor, more: Iterable<readonly [run: string, seq: number]>): Cursor {
  const moved = new Map(cursor);
  for (const [run, seq] of more) {
    const before = moved.get(run) ?? 0;
    moved.delete(run);
    moved.set(run, Math.max(seq, before));
  }
  return moved;
}

/** The text of a cursor. */
export function cursorText(cursor: Cursor): string {
  return [...cursor]
    .slice(-cursorRuns)
    .map(([run, seq]) => `${run}.${seq}`)
    .join("_");
}

/** Reads a cursor; undefined for text that is none. */
export function parseCursor(text: string): Cursor | undefined {
  const cursor = new Map<string, number>();
  for (const part of text.split("_").slice(0, 4 * cursorRuns)) {
    const found = /^([0-9a-f]{8})\.(\d{1,15})$/.exec(part);
    if (!found?.[1] || !found[2]) return undefined;
    cursor.set(found[1], Number(found[2]));
  }
  return cursor;
}
