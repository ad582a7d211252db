/** One ledger out of those of all control planes: what each knows of a change, put together under its name. */
import type { ChangeOutcome } from "@legation/contract";
import type { LedgerEntry, LedgerProxies, LedgerReplica } from "@legation/contract/api";
import type { ChangedItem } from "./change.js";
import { percentile, sum } from "./durations.js";
import { type LedgerRecord, namesKept } from "./record.js";

/** What one control plane tells. */
export interface ToldLedger {
  /** `host:port` of its API. */
  readonly replica: string;
  /** What was seen before this is not in it; milliseconds since the epoch. */
  readonly begins: number;
  readonly records: readonly ToldRecord[];
}

/** A record, with the first of the changes that were compiled in one step with it. */
export interface ToldRecord extends LedgerRecord {
  readonly together: readonly string[];
}

/** Within this time every control plane has read every service: what it has not seen by then was gone when it looked. Milliseconds. */
export const seenWithin = 90_000;

/** A change at a control plane, and the record that says what became of it there. */
interface Standing {
  readonly told: ToldLedger;
  readonly state: LedgerReplica["state"];
  readonly record: ToldRecord | undefined;
}

/**
 * The changes by the time at which they were seen first, whatever the order of `told`. A control plane that lacks a change and saw another one
 * of the same thing over some of the same indexes has it by that one. `silent` is true when not all have answered; `now` is in milliseconds
 * since the epoch.
 */
export function mergeLedgers(told: readonly ToldLedger[], o: { readonly silent: boolean; readonly now: number }): readonly LedgerEntry[] {
  const ledgers = [...told].sort((a, b) => (a.replica < b.replica ? -1 : 1));
  const lookups = ledgers.map(lookupOf);
  const ids = new Set(ledgers.flatMap(({ records }) => records.map(({ id }) => id)));
  const entries = [...ids].flatMap((id) => {
    const known = lookups.flatMap(({ byId }) => byId.get(id) ?? []).sort((a, b) => a.seen - b.seen);
    const [first] = known;
    if (!first) return [];
    const items = known.flatMap((record) => record.items);
    const standings = lookups.map((lookup) => standingOf(lookup, id, first, items));
    return { seen: first.seen, entry: entryOf(first, standings, o) };
  });
  return entries.sort((a, b) => a.seen - b.seen || (a.entry.id < b.entry.id ? -1 : 1)).map(({ entry }) => entry);
}

interface Lookup {
  readonly told: ToldLedger;
  readonly byId: ReadonlyMap<string, ToldRecord>;
  readonly byItem: ReadonlyMap<string, readonly (readonly [ChangedItem, ToldRecord])[]>;
}

function lookupOf(told: ToldLedger): Lookup {
  const byItem = new Map<string, (readonly [ChangedItem, ToldRecord])[]>();
  for (const record of told.records)
    for (const item of record.items) {
      const key = `${record.kind} ${item.name}`;
      const known = byItem.get(key);
      if (known) known.push([item, record]);
      else byItem.set(key, [[item, record]]);
    }
  return { told, byId: new Map(told.records.map((record) => [record.id, record])), byItem };
}

function standingOf({ told, byId, byItem }: Lookup, id: string, first: ToldRecord, items: readonly ChangedItem[]): Standing {
  const own = byId.get(id);
  if (own) return { told, state: "recorded", record: own };
  let latest: readonly [ChangedItem, ToldRecord] | undefined;
  for (const item of items)
    for (const candidate of byItem.get(`${first.kind} ${item.name}`) ?? [])
      if (overlap(item, candidate[0]) && (!latest || candidate[0].index > latest[0].index)) latest = candidate;
  if (latest) return { told, state: "covered", record: latest[1] };
  return { told, state: first.seen < told.begins ? "before" : "not-seen", record: undefined };
}

/** Both lie behind an index (0: nobody knows which) and end at another. */
function overlap(a: ChangedItem, b: ChangedItem): boolean {
  return Math.max(a.after, b.after) < Math.min(a.index, b.index);
}

function entryOf(first: ToldRecord, standings: readonly Standing[], o: { silent: boolean; now: number }): LedgerEntry {
  const records = standings.flatMap(({ record }) => record ?? []);
  const durations = sum(records.map((record) => record.durations));
  const last = records.flatMap((record) => record.last ?? []).sort((a, b) => b.ms - a.ms || (a.node < b.node ? -1 : 1))[0];
  const [p50, p99] = [percentile(durations, 0.5), percentile(durations, 0.99)];
  const compiled = records.flatMap((record) => record.compiled ?? []);
  const sent = records.flatMap(sentOf);
  const own = standings.flatMap(({ state, record }) => (state === "recorded" && record ? record : []));
  const overtakenBy = own.length > 0 && own.every((record) => record.overtakenBy !== undefined) ? own[0]?.overtakenBy : undefined;
  const notes = [...new Set(records.flatMap((record) => record.note ?? []))];
  return {
    ...{ id: first.id, kind: first.kind, what: first.what, seen: timeOf(first.seen) },
    ...(first.service === undefined ? {} : { service: first.service }),
    outcome: outcomeOf(first, standings, overtakenBy !== undefined, o),
    ...(overtakenBy === undefined ? {} : { overtakenBy }),
    ...(notes.length > 0 ? { note: notes.join("; ") } : {}),
    together: some(own.flatMap(({ together }) => together)),
    resources: some(records.flatMap(({ resources }) => resources)),
    ...(compiled.length > 0 ? { compiledMs: Math.max(...compiled) } : {}),
    ...(sent.length > 0 ? { sentMs: { first: Math.min(...sent.map((s) => s.first)), last: Math.max(...sent.map((s) => s.last)) } } : {}),
    proxies: proxiesOf(records),
    // A percentile is the middle of a bucket, which the last may lie below.
    ...(p50 !== undefined && p99 !== undefined && last
      ? { acknowledgedMs: { p50: hundredths(Math.min(p50, last.ms)), p99: hundredths(Math.min(p99, last.ms)), last: last.ms } }
      : {}),
    ...(last ? { lastProxy: last.node } : {}),
    laggards: some(records.flatMap(({ laggards }) => laggards)),
    refusals: records.flatMap(({ refusals }) => refusals).slice(0, namesKept),
    gone: some(records.flatMap(({ goneNodes }) => goneNodes)),
    replicas: standings.map(replicaOf),
  };
}

function outcomeOf(
  first: ToldRecord,
  standings: readonly Standing[],
  overtaken: boolean,
  o: { silent: boolean; now: number },
): ChangeOutcome {
  const records = standings.flatMap(({ record }) => record ?? []);
  const proxies = proxiesOf(records);
  const unseen = standings.some(({ state }) => state === "not-seen") && o.now - first.seen < seenWithin;
  if (proxies.refused > 0) return "refused";
  if (proxies.waiting > 0 || unseen || records.some(({ closed }) => !closed)) return "waiting";
  if (o.silent) return "unknown";
  if (proxies.abandoned > 0) return "abandoned";
  if (overtaken) return "overtaken";
  return proxies.acknowledged > 0 ? "acknowledged" : "nothing-to-send";
}

function proxiesOf(records: readonly LedgerRecord[]): LedgerProxies {
  const total = (field: "acknowledged" | "refused" | "gone" | "abandoned" | "waiting") =>
    records.reduce((before, record) => before + record[field], 0);
  const [acknowledged, refused, gone] = [total("acknowledged"), total("refused"), total("gone")];
  const [abandoned, waiting] = [total("abandoned"), total("waiting")];
  return { concerned: acknowledged + refused + gone + abandoned + waiting, acknowledged, refused, gone, abandoned, waiting };
}

function replicaOf({ told, state, record }: Standing): LedgerReplica {
  if (!record) return { replica: told.replica, state };
  const [sent] = sentOf(record);
  return {
    replica: told.replica,
    state,
    ...(state === "covered" ? { coveredBy: record.id } : {}),
    seen: timeOf(record.seen),
    ...(record.compiled === undefined ? {} : { compiledMs: record.compiled }),
    ...(sent ? { sentMs: sent } : {}),
    proxies: proxiesOf([record]),
  };
}

function sentOf({ sentFirst, sentLast }: LedgerRecord): { first: number; last: number }[] {
  return sentFirst === undefined || sentLast === undefined ? [] : [{ first: sentFirst, last: sentLast }];
}

function some(names: readonly string[]): string[] {
  return [...new Set(names)].slice(0, namesKept);
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
