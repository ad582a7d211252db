/** The table, the ratios, and the progress of a run. */
import { cpus } from "node:os";
import type { Cell } from "./cell.js";
import { quantile } from "./load/arrivals.js";
import type { Figure, Result } from "./scenario.js";

/** One server's results in one cell. */
export interface Row {
  readonly server: string;
  readonly rounds: readonly Result[];
  readonly median: Result;
}

/** Of each figure the median over the rounds. */
export function medianOf(rounds: readonly Result[]): Result {
  const keys = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    keys.map((key) => [
      key,
      quantile(
        rounds.map((r) => r[key] ?? 0).sort((a, b) => a - b),
        0.5,
      ),
    ]),
  );
}

/** What the figures were measured on. */
export function machine(): string {
  const all = cpus();
  return `${all.length} cores of ${all[0]?.model.trim()}, Node ${process.versions.node}`;
}

/** A cell in words. */
export function describeCell({ variant, streams, clusters, endpoints, processes, ownSubscriptions }: Cell): string {
  const spread = processes > 1 ? `, ${processes} server processes` : "";
  return `${variant}, ${streams} streams × ${clusters} clusters × ${endpoints} endpoints${ownSubscriptions ? ", own subscriptions" : ""}${spread}`;
}

/** The table of one cell, with the ratios of the first server to the better peer and to the floor. */
export function tableOf(figures: readonly Figure[], rows: readonly Row[]): string {
  const widths = figures.map(({ title }) => Math.max(title.length, 8));
  const line = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(18)}${cells.map((cell, i) => cell.padStart((widths[i] ?? 0) + 2)).join("")}`;
  const lines = [
    line(
      "",
      figures.map(({ title }) => title),
    ),
  ];
  for (const { server, median } of rows)
    lines.push(
      line(
        server,
        figures.map(({ key, digits }) => (median[key] ?? 0).toFixed(digits)),
      ),
    );
  const ours = rows.find(({ server }) => server === "legation");
  const ratios = (name: string, others: readonly Row[]) => {
    if (!ours || others.length === 0) return;
    const cells = figures.map(({ key, compared }) => {
      const least = Math.min(...others.map(({ median }) => median[key] ?? 0));
      return compared && least > 0 ? ((ours.median[key] ?? 0) / least).toFixed(2) : "";
    });
    lines.push(line(name, cells));
  };
  ratios(
    "ratio to peer",
    rows.filter(({ server }) => server.startsWith("go-")),
  );
  ratios(
    "ratio to floor",
    rows.filter(({ server }) => server === "floor"),
  );
  return lines.join("\n");
}

/** Says on standard error what is done and how long the rest will take, from how long things took so far. */
export function createProgress(total: number): (what: string) => void {
  const begin = performance.now();
  let done = 0;
  return (what) => {
    const left = done === 0 ? "" : `, about ${duration(((performance.now() - begin) / done) * (total - done))} left`;
    done += 1;
    process.stderr.write(`[${done}/${total}] ${what}${left}\n`);
  };
}

function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000);
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
