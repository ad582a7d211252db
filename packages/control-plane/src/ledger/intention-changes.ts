/** What differs between two readings of Consul's intentions, as changes that every control plane names alike. */
import type { SaidIntentions } from "../sources/consul-intentions.js";
import { rowIndex } from "../sources/row-index.js";
import { type Change, changeId, changesOf, type ItemChange } from "./change.js";

type Row = Readonly<Record<string, unknown>>;

/** What a row says of itself and not of who may call whom. */
const bookkeeping = new Set(["CreateIndex", "ModifyIndex", "CreatedAt", "UpdatedAt", "Hash", "ID", "LegacyID", "LegacyMeta"]);

/** The changes from one answer of Consul to the next, by the service that is called. */
export function intentionChanges(before: SaidIntentions, after: SaidIntentions): readonly Change[] {
  const old = byName(before.rows);
  const now = byName(after.rows);
  const items = new Map<string, ItemChange[]>();
  const add = (row: Row, item: ItemChange) => {
    const service = text(row, "DestinationName");
    items.set(service, [...(items.get(service) ?? []), item]);
  };
  for (const [name, row] of now) {
    const known = old.get(name);
    if (known && contentOf(known) === contentOf(row)) continue;
    const { modified: index } = rowIndex(row);
    const verb = known ? "is now" : "is new:";
    const words = `intention ${name} ${verb} ${text(row, "Action") || "by request"}`;
    add(row, { kind: "intention", mark: String(index), name, after: known ? rowIndex(known).modified : 0, index, text: words });
  }
  for (const [name, row] of old) {
    if (now.has(name)) continue;
    const { created, modified } = rowIndex(row);
    const words = `intention ${name} is gone`;
    const index = Number.MAX_SAFE_INTEGER;
    add(row, { kind: "intention", mark: `${created}-gone`, name, after: modified, index, text: words });
  }
  const changes = [...items].flatMap(([service, of]) => changesOf(service, of));
  if (before.byDefault === after.byDefault) return changes;
  const verdict = after.byDefault ?? "unknown";
  const item = { name: "default", after: before.index, index: after.index };
  const what = `where no intention speaks, calls are: ${verdict}`;
  return [...changes, { id: changeId("intention", undefined, `default-${verdict}`), kind: "intention", what, items: [item] }];
}

function byName(rows: readonly unknown[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [`${text(row as Row, "SourceName")} → ${text(row as Row, "DestinationName")}`, row as Row]));
}

function contentOf(row: Row): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).filter(([key]) => !bookkeeping.has(key))));
}

function text(row: Row, key: string): string {
  const value = row[key];
  return typeof value === "string" ? value : "";
}
