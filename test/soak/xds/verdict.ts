/** Compares what a process held before and after, within bounds that are said. */
import type { Census } from "./census.js";

/**
 * What the heap may have grown by: after a warm-up of seconds V8 still compiles and collects feedback on code, which takes about 1 MB in the
 * short form and 1.5 MB in five minutes. A leak of three kilobytes per stream exceeds the bound in the short form, one of 150 bytes in the long.
 */
const heapBytes = 3 * 1024 * 1024;
/**
 * What resident memory may have grown by: it lies where it lies when the allocators happen to have given pages back, which differs by some 30
 * MB between two runs that do the same. It is to catch what the heap does not show: native memory of connections.
 */
const residentBytes = 48 * 1024 * 1024;

/** Prints the comparison; `streams` came and went in between. Returns whether nothing is left. */
export function judge(before: Census, after: Census, streams: number): boolean {
  const rows: [name: string, before: number, after: number, bound: number, megabytes: boolean][] = [
    ["heap MB", before.heap, after.heap, before.heap + heapBytes, true],
    ["resident MB", before.resident, after.resident, before.resident + residentBytes, true],
  ];
  for (const name of new Set([...Object.keys(before.counts), ...Object.keys(after.counts)]))
    rows.push([name, before.counts[name] ?? 0, after.counts[name] ?? 0, before.counts[name] ?? 0, false]);
  let good = true;
  console.log(`${"".padEnd(28)}${["warmed up", "at the end", "bound"].map((title) => title.padStart(12)).join("")}`);
  for (const [name, from, to, bound, megabytes] of rows) {
    const text = (value: number) => (megabytes ? (value / 1024 / 1024).toFixed(2) : String(value)).padStart(12);
    console.log(`${name.padEnd(28)}${text(from)}${text(to)}${text(bound)}${to > bound ? "   LEFT BEHIND" : ""}`);
    if (to > bound) good = false;
  }
  const perStream = (after.heap - before.heap) / streams;
  console.log(
    good
      ? `Nothing is left of ${streams} streams (${perStream.toFixed(0)} bytes of heap per stream).`
      : `Something is left of ${streams} streams.`,
  );
  return good;
}
