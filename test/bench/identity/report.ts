/** The table of the identity bench: medians of the rounds, and mutual TLS as a multiple of plain text. */
import { cpus } from "node:os";
import type { Figures } from "./measure.js";
import type { Wire } from "./stage.js";

const columns: readonly { readonly key: keyof Figures; readonly title: string; readonly digits: number }[] = [
  { key: "p50", title: "p50 ms", digits: 2 },
  { key: "p99", title: "p99 ms", digits: 2 },
  { key: "callerCpu", title: "caller µs", digits: 0 },
  { key: "calleeCpu", title: "callee µs", digits: 0 },
  { key: "cpu", title: "both µs", digits: 0 },
];

/** What the figures were measured on. */
export function machine(): string {
  const all = cpus();
  return `${all.length} cores of ${all[0]?.model.trim()}, Node ${process.versions.node}`;
}

/** Four lines for a kind of connection: the medians of both, their ratio, and how far the ratios of single rounds lie apart. */
export function rowsOf(title: string, rounds: Readonly<Record<Wire, readonly Figures[]>>): string {
  const median = (wire: Wire, key: keyof Figures): number => middle(rounds[wire].map((figures) => figures[key]));
  const cells = (cell: (column: (typeof columns)[number]) => string): string => columns.map((c) => cell(c).padStart(11)).join("");
  const line = (name: string, text: string): string => `${name.padEnd(34)}${text}`;
  return [
    line(
      `${title}: plain text`,
      cells(({ key, digits }) => median("plain", key).toFixed(digits)),
    ),
    line(
      "  mutual TLS",
      cells(({ key, digits }) => median("mtls", key).toFixed(digits)),
    ),
    line(
      "  ratio",
      cells(({ key }) => (median("mtls", key) / median("plain", key)).toFixed(2)),
    ),
    line(
      "  lowest, highest round",
      cells(({ key }) => {
        const ratios = rounds.mtls.map((figures, at) => figures[key] / (rounds.plain[at]?.[key] ?? Number.NaN));
        return `${Math.min(...ratios).toFixed(1)}-${Math.max(...ratios).toFixed(1)}`;
      }),
    ),
  ].join("\n");
}

/** The head of the table. */
export const head = `${"".padEnd(34)}${columns.map(({ title }) => title.padStart(11)).join("")}`;

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN, sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN];
  return (low + high) / 2;
}
