/** What is asked of a ledger, by the API here and by other control planes, and what it tells. */
import { changeKinds } from "@legation/contract";
import type { LedgerEntry, View } from "@legation/contract/api";
import { z } from "zod";
import type { Gather } from "../replicas/gather.js";
import type { Ledger } from "./ledger.js";
import { mergeLedgers, type ToldLedger, type ToldRecord } from "./merge.js";
import { ledgerRecord, namesKept } from "./record.js";

/** Which changes are wanted, the newest ones. */
export const ledgerFilter = z
  .object({
    service: z.string().max(256).nullable().describe("The service; `*` for what is about the mesh, null for whatever it is about."),
    kind: z.enum(changeKinds).nullable().describe("Null for every kind."),
    since: z.number().describe("Seen after this; milliseconds since the epoch."),
    limit: z.int().min(1).max(5_000),
  })
  .describe("Which changes are wanted, the newest ones.");
/** See `ledgerFilter`. */
export type LedgerFilter = View<typeof ledgerFilter>;

/** The path by which control planes ask each other. */
export const ledgerPath = "/v1/agents/ledger";

/** Changes that other control planes are asked for beyond those wanted: the clocks by which each orders them differ. */
const margin = 50;

/** What a ledger tells of the changes wanted, oldest first. `begins` is when it began. */
export function tell(ledger: Pick<Ledger, "book" | "begins">, filter: LedgerFilter): Omit<ToldLedger, "replica"> {
  const records: ToldRecord[] = [];
  const batches = new Map<string, string[]>();
  let begins = ledger.begins();
  for (const record of ledger.book.newest(filter.since)) {
    if (record.batch !== undefined) {
      const ids = batches.get(record.batch) ?? [];
      if (ids.length <= namesKept) ids.push(record.id);
      batches.set(record.batch, ids);
    }
    if (filter.kind !== null && record.kind !== filter.kind) continue;
    if (filter.service !== null && (record.service ?? "*") !== filter.service) continue;
    if (records.length === filter.limit) {
      begins = Math.max(begins, record.seen + 1);
      break;
    }
    records.push({ ...record, together: [] });
  }
  const told = records.reverse().map((record) => {
    const together = (record.batch === undefined ? [] : (batches.get(record.batch) ?? [])).filter((id) => id !== record.id).reverse();
    return { ...record, together: together.slice(0, namesKept) };
  });
  return { begins, records: told };
}

const toldSchema = z.object({
  begins: z.number(),
  records: z.array(z.intersection(ledgerRecord, z.object({ together: z.array(z.string()) }))),
});

/** Reads what another control plane tells. Throws for what is no ledger. */
export function readTold(answer: unknown): Omit<ToldLedger, "replica"> {
  const read = toldSchema.safeParse(answer);
  if (!read.success) throw new Error("tells of its ledger what this version does not understand");
  return read.data;
}

/** The ledger over all control planes. */
export type AskLedgers = (filter: LedgerFilter) => Promise<{
  /** Oldest first, the newest `limit` of them. */
  readonly changes: readonly LedgerEntry[];
  /** Older ones were left out. */
  readonly more: boolean;
  readonly silent: readonly string[];
}>;

/** Makes the question. `address` is `host:port` of this replica's API. */
export function createAskLedgers(o: {
  readonly ledger: Pick<Ledger, "book" | "begins">;
  readonly address: () => string;
  readonly gather: Gather;
  readonly now: () => number;
}): AskLedgers {
  return async (filter) => {
    const wider = { ...filter, limit: filter.limit + margin };
    const { answers, silent } = await o.gather({ path: ledgerPath, body: () => ({ relayed: true, filter: wider }), read: readTold });
    const own = { replica: o.address(), ...tell(o.ledger, wider) };
    const told = [own, ...answers.map(({ address, value }) => ({ replica: address, ...value }))];
    const merged = mergeLedgers(told, { silent: silent.length > 0, now: o.now() });
    return { changes: merged.slice(-filter.limit), more: merged.length > filter.limit, silent };
  };
}
