/** What one control plane knows of a change: what is kept, written to its file, and told to the others. */
import { type ChangeKind, changeKinds } from "@legation/contract";
import type { LedgerRefusal } from "@legation/contract/api";
import { z } from "zod";
import type { ChangedItem } from "./change.js";
import type { Durations } from "./durations.js";

/** Names of one kind (laggards, proxies that went, refusals, resources) that are kept of a change. */
export const namesKept = 20;

/** Durations are milliseconds since the change was seen. */
export interface LedgerRecord {
  readonly id: string;
  readonly kind: ChangeKind;
  readonly service?: string | undefined;
  readonly what: string;
  readonly items: readonly ChangedItem[];
  /** Milliseconds since the epoch. */
  readonly seen: number;
  /** Changes with the same were compiled in one step. */
  readonly batch?: string | undefined;
  readonly compiled?: number | undefined;
  readonly sentFirst?: number | undefined;
  readonly sentLast?: number | undefined;
  readonly overtakenBy?: string | undefined;
  readonly note?: string | undefined;
  /** The first of them. */
  readonly resources: readonly string[];
  readonly acknowledged: number;
  readonly refused: number;
  readonly gone: number;
  readonly abandoned: number;
  readonly waiting: number;
  readonly durations: Durations;
  readonly last?: { readonly node: string; readonly ms: number } | undefined;
  /** The first of them, as all names here. */
  readonly laggards: readonly string[];
  readonly refusals: readonly LedgerRefusal[];
  readonly goneNodes: readonly string[];
  /** Nothing of it will be other any more. */
  readonly closed: boolean;
}

const figure = z.number().nonnegative();
const whole = z.int().nonnegative();
const texts = z.array(z.string());

/** Reads a record that came from a file or from another control plane; fields of a later version are left out. */
export const ledgerRecord: z.ZodType<LedgerRecord> = z.object({
  id: z.string(),
  kind: z.enum(changeKinds),
  service: z.string().optional(),
  what: z.string(),
  items: z.array(z.object({ name: z.string(), after: whole, index: whole })),
  seen: figure,
  batch: z.string().optional(),
  compiled: figure.optional(),
  sentFirst: figure.optional(),
  sentLast: figure.optional(),
  overtakenBy: z.string().optional(),
  note: z.string().optional(),
  resources: texts,
  acknowledged: whole,
  refused: whole,
  gone: whole,
  abandoned: whole,
  waiting: whole,
  durations: z.array(whole),
  last: z.object({ node: z.string(), ms: figure }).optional(),
  laggards: texts,
  refusals: z.array(z.object({ node: z.string(), resource: z.string(), message: z.string(), policies: texts })),
  goneNodes: texts,
  closed: z.boolean(),
});

/** A record of an earlier run: whom it waited for, nobody waits for any more. */
export function afterRestart(record: LedgerRecord): LedgerRecord {
  if (record.closed) return record;
  const { waiting, abandoned } = record;
  const note = waiting > 0 ? "this control plane was started anew before all had answered" : record.note;
  return { ...record, closed: true, waiting: 0, abandoned: abandoned + waiting, ...(note === undefined ? {} : { note }) };
}
