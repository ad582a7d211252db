/** The bench's figures as a table, the first way with its ratio to the best and the worst of the others. */
import { changeKinds, type Latencies } from "./changes.js";
import type { Cost } from "./cost.js";

/** What was measured of one way of watching. Costs are milliseconds of processor time and bytes, each in a second. */
export interface Measured {
  readonly way: string;
  /** The first complete read, as a whole. */
  readonly first: { readonly ms: number; readonly bytes: number; readonly cost: Cost };
  readonly rest: Cost & { readonly bytes: number };
  readonly busy: Cost & { readonly bytes: number };
  readonly atRest: Latencies;
  readonly underUpdates: Latencies;
}

/** A line of the table: what it says, each way's figure, and how it is written. */
interface Line {
  readonly label: string;
  of(measured: Measured): number;
  write(value: number): string;
  /** It must not be more than the least of the naive ways with two blocking queries, by more than this, which is the noise. */
  readonly noise?: number;
}

const ms = (value: number) => (Number.isFinite(value) ? value.toFixed(value < 10 ? 1 : 0) : "not seen");
const bytes = (value: number) =>
  value < 10_000 ? `${Math.round(value)} B` : value < 1e6 ? `${Math.round(value / 1e3)} KB` : `${(value / 1e6).toFixed(1)} MB`;

const lines: readonly Line[] = [
  { label: "first complete read, ms", of: (m) => m.first.ms, write: ms },
  { label: "  bytes", of: (m) => m.first.bytes, write: bytes },
  { label: "at rest: bytes/s", of: (m) => m.rest.bytes, write: bytes },
  { label: "  CPU here, ms/s", of: (m) => m.rest.here, write: ms },
  { label: "  CPU Consul, ms/s", of: (m) => m.rest.there, write: ms },
  { label: "10 output-only updates/s: bytes/s", of: (m) => m.busy.bytes, write: bytes, noise: 10_000 },
  { label: "  CPU here, ms/s", of: (m) => m.busy.here, write: ms },
  { label: "  CPU Consul, ms/s", of: (m) => m.busy.there, write: ms, noise: 30 },
  ...(["atRest", "underUpdates"] as const).flatMap((when) =>
    changeKinds.flatMap((kind) =>
      [0.5, 0.99].map((q) => ({
        label: `${kind}${when === "underUpdates" ? " (updates)" : ""} p${q * 100}`,
        of: (m: Measured) => quantile(m[when][kind], q),
        write: ms,
      })),
    ),
  ),
];

/** Prints the table. Returns the number of lines with a bound in which the first way is worse than another one. */
export function printTable(title: string, measured: readonly Measured[]): number {
  const [own, ...others] = measured;
  if (!own) return 0;
  const columns = [title, ...measured.map((m) => m.way), ...others.map((m) => `× ${m.way}`)];
  const rows = lines.map((line) => [
    line.label,
    ...measured.map((m) => line.write(line.of(m))),
    ...others.map((m) => ratio(line.of(own), line.of(m))),
  ]);
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of [columns, ...rows])
    console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "));
  console.log();
  const worse = lines.filter(
    ({ of, noise }) =>
      !Number.isFinite(of(own)) || (noise !== undefined && others.some((m) => m.way.endsWith("state") && of(own) > of(m) + noise)),
  );
  for (const line of worse) console.log(`${title}: too much, or never: ${line.label.trim()}`);
  return worse.length;
}

function ratio(own: number, other: number): string {
  return other === 0 ? "-" : (own / other).toFixed(own / other < 0.1 ? 3 : 2);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
