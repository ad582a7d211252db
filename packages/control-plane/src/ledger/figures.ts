/** The ledger's figures for Prometheus: by kind of change and by what became of it, never by service or proxy. */
import { Counter, Gauge, Histogram, type Registry } from "@legation/runtime";
import type { OpenChange } from "./open-change.js";
import type { LedgerRecord } from "./record.js";

/** Around what Envoys take, and up to the minute after which somebody should look; seconds. */
const buckets = [0.005, 0.01, 0.02, 0.04, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What is read at the moment of a scrape. */
export interface LedgerReadings {
  readonly underWay: () => Iterable<Pick<OpenChange, "since">>;
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number;
  readonly book: () => { readonly size: number; readonly bytes: number };
}

/** Registers the figures. Returns what counts a change that is over. */
export function createLedgerFigures(registry: Registry, read: LedgerReadings): (record: LedgerRecord) => void {
  const registers = [registry];
  const perKind = { labelNames: ["kind"] as const, buckets, registers };
  const compiled = new Histogram({
    name: "legation_change_compiled_seconds",
    help: "From seeing a change to having compiled what it makes other.",
    ...perKind,
  });
  const acknowledged = new Histogram({
    name: "legation_change_acknowledged_seconds",
    help: "From seeing a change to the acknowledgement of the last proxy here that took it.",
    ...perKind,
  });
  const changes = new Counter({
    name: "legation_changes_total",
    help: "Changes that are over, by what became of them: acknowledged, refused by a proxy, overtaken by a later one, nothing to send, or a wait given up.",
    labelNames: ["kind", "outcome"] as const,
    registers,
  });
  const proxies = new Counter({
    name: "legation_change_proxies_total",
    help: "Proxies that changes concerned, by what they did: acknowledged, refused, gone before they answered, or not waited for any more.",
    labelNames: ["kind", "result"] as const,
    registers,
  });
  const gauge = (name: string, help: string, of: () => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(of());
      },
    });
  gauge("legation_changes_waiting", "Changes that a proxy here has not answered.", () => [...read.underWay()].length);
  gauge("legation_change_waiting_seconds", "Since the oldest change was seen that a proxy here has not answered; 0 without one.", () => {
    for (const { since } of read.underWay()) return (read.now() - since) / 1_000;
    return 0;
  });
  gauge("legation_ledger_changes", "Changes in the ledger.", () => read.book().size);
  gauge("legation_ledger_bytes", "Size of the records in the ledger.", () => read.book().bytes);

  return (record) => {
    const { kind } = record;
    if (record.compiled !== undefined) compiled.observe({ kind }, record.compiled / 1_000);
    if (record.last) acknowledged.observe({ kind }, record.last.ms / 1_000);
    changes.inc({ kind, outcome: outcomeHere(record) });
    for (const result of ["acknowledged", "refused", "gone", "abandoned"] as const)
      if (record[result] > 0) proxies.inc({ kind, result }, record[result]);
  };
}

function outcomeHere(record: LedgerRecord): "acknowledged" | "refused" | "overtaken" | "nothing-to-send" | "abandoned" {
  if (record.refused > 0) return "refused";
  if (record.abandoned > 0) return "abandoned";
  if (record.overtakenBy !== undefined) return "overtaken";
  return record.acknowledged > 0 ? "acknowledged" : "nothing-to-send";
}
