/** The ledger of one control plane: each change from being seen to being acknowledged by the last proxy that it concerns. */
import type { LedgerRefusal } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import type { Publication, Resource, ResourceCache, XdsEvent } from "@legation/xds";
import { createBatch } from "./batch.js";
import { type Book, createBook } from "./book.js";
import type { Change } from "./change.js";
import { createDeliveries, mostWaits } from "./deliveries.js";
import { OpenChange } from "./open-change.js";
import { afterRestart, type LedgerRecord } from "./record.js";

/** What the reconciler tells. */
export interface LedgerTap {
  /** A service is to be compiled because of the change that is being carried out. */
  touched(service: string): void;
  /** Compiling begins; whatever the cache is given until `published` comes from it. */
  publishing(): void;
  /** These services were compiled. */
  published(services: readonly string[]): void;
}

/** The ledger. */
export interface Ledger extends LedgerTap {
  /**
   * Records changes and carries them out: the services that `apply` touches are compiled because of them. With `service`, `apply` publishes
   * that one at once, and what alters nothing is not recorded.
   */
  seen<T>(changes: readonly Change[], apply: () => T, service?: string): T;
  /** What was seen before is not in it; milliseconds since the epoch. */
  begins(): number;
  /** All that happened while this control plane did not run has been seen: what comes now is new, whatever it is called. */
  caughtUp(): void;
  /** Follows the streams. */
  take(event: XdsEvent): void;
  publication(publication: Publication): void;
  readonly book: Pick<Book, "record" | "newest" | "size" | "bytes">;
  /** Changes under way, oldest first. */
  underWay(): Iterable<OpenChange>;
}

/** What a ledger works with. */
export interface LedgerOptions {
  /** The cache that the streams are served from. */
  readonly cache: Pick<ResourceCache, "onChange" | "layer">;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  /** Told of changes whose record is other than before; must not throw. */
  readonly changed: (id: string) => void;
  /** Told once of each change that is over; must not throw. */
  readonly closed: (open: OpenChange, record: LedgerRecord) => void;
  /** Puts a refused resource into words. */
  readonly describe: (resource: Resource) => Pick<LedgerRefusal, "resource" | "policies">;
  /** What people call a type. */
  readonly word: (typeUrl: string) => string;
  /** What an earlier run has kept, oldest first. */
  readonly records?: readonly LedgerRecord[];
  /** The time of its start: what tells its batches from those of other runs. */
  readonly run?: string;
}

/** Makes a ledger. */
export function createLedger(o: LedgerOptions): Ledger {
  const { clock } = o;
  const run = o.run ?? Math.floor(clock.now()).toString(36);
  const began = Math.min(clock.now(), o.records?.[0]?.seen ?? Number.POSITIVE_INFINITY);
  const full = "the ledger was full before all had answered";
  const book = createBook((open) => giveUp(open, false));
  for (const record of o.records ?? []) book.close(afterRestart(record));
  /** What was seen before this run, and may be seen again because the last state on disk is older. */
  const restored = new Set((o.records ?? []).map(({ id }) => id));
  /** The change that made a resource other last, among those under way. */
  const newest = new Map<string, OpenChange>();
  /** By service, those for which it is to be compiled. */
  const touching = new Map<string, Set<OpenChange>>();
  const batch = createBatch(o.cache, o.word);
  let current: readonly OpenChange[] = [];
  let batches = 0;

  const deliveries = createDeliveries({
    clock,
    first: overtaken,
    changed: (open) => o.changed(open.change.id),
    ended: (open) => close(open, true),
    describe: o.describe,
  });

  /** A Consul that has lost its data counts anew, and may come to an index once more. */
  function unused(id: string): string {
    for (let n = 1; ; n++) {
      const name = n === 1 ? id : `${id}~${n}`;
      if (!book.has(name)) return name;
    }
  }

  function close(open: OpenChange, kept: boolean): void {
    if (open.closed) return;
    open.closed = true;
    if (open.unsent) overtaken(open);
    for (const key of keysOf(open)) if (newest.get(key) === open) newest.delete(key);
    const record = open.record(true);
    if (kept) book.close(record);
    o.changed(open.change.id);
    o.closed(open, record);
  }

  function untouch(open: OpenChange): void {
    for (const service of open.touched) touching.get(service)?.delete(open);
    open.touched.clear();
  }

  function forget(open: OpenChange): void {
    untouch(open);
    book.forget(open.change.id);
  }

  function giveUp(open: OpenChange, kept: boolean): void {
    untouch(open);
    open.complete = false;
    deliveries.abandon(open, full);
    open.complete = true;
    close(open, kept);
  }

  /** A change whose every resource was made other again before any of it went out. */
  function overtaken(open: OpenChange): void {
    const later = [...keysOf(open)].map((key) => newest.get(key));
    const [first] = later;
    if (open.overtakenBy === undefined && first && later.every((one) => one && one !== open && one.batch !== open.batch))
      open.overtakenBy = first.change.id;
  }

  /** A later change of the same thing in the same batch leaves nothing of the earlier one. */
  function overtakenWithin(opens: Iterable<OpenChange>): void {
    const last = new Map<string, OpenChange>();
    for (const open of [...opens].reverse())
      for (const { name } of open.change.items) {
        const later = last.get(`${open.change.kind} ${name}`);
        if (!later) last.set(`${open.change.kind} ${name}`, open);
        else open.overtakenBy ??= later.change.id;
      }
  }

  function completeIfSo(open: OpenChange): void {
    if (open.complete || open.touched.size > 0 || open.unpublished) return;
    open.complete = true;
    open.compiled ??= clock.monotonic() - open.since;
    deliveries.completed(open);
    if (open.waits.size === 0) close(open, true);
  }

  function touch(open: OpenChange, service: string): void {
    open.touched.add(service);
    const opens = touching.get(service);
    if (opens) opens.add(open);
    else touching.set(service, new Set([open]));
  }

  return {
    seen(changes, apply, service) {
      const outer = current;
      const fresh = changes.flatMap((change) => {
        if (restored.has(change.id)) return [];
        const open = new OpenChange({ ...change, id: unused(change.id) }, clock.now(), clock.monotonic());
        book.open(open);
        o.changed(open.change.id);
        return open;
      });
      if (service !== undefined) for (const open of fresh) touch(open, service);
      current = fresh;
      try {
        return apply();
      } finally {
        current = outer;
        for (const open of fresh) {
          if (service !== undefined && open.names.size === 0) forget(open);
          else completeIfSo(open);
        }
      }
    },
    begins: () => book.cutAt() ?? began,
    caughtUp: () => restored.clear(),
    touched(service) {
      for (const open of current) touch(open, service);
    },
    publishing: batch.begin,
    published(services) {
      const opens = new Set<OpenChange>();
      for (const service of services) for (const open of touching.get(service) ?? []) opens.add(open);
      const name = `${run}.${++batches}`;
      for (const open of opens) open.batch = name;
      const altered = batch.end(services, (service) => touching.get(service));
      for (const open of altered) {
        open.unpublished = true;
        for (const key of keysOf(open)) newest.set(key, open);
      }
      overtakenWithin(opens);
      for (const service of services) {
        for (const open of touching.get(service) ?? []) open.touched.delete(service);
        touching.delete(service);
      }
      for (const open of opens) {
        if (open.touched.size === 0) open.compiled = clock.monotonic() - open.since;
        completeIfSo(open);
      }
    },
    publication(publication) {
      const carried = batch.published(publication, (open, typeUrl, streams) => deliveries.mark(open, typeUrl, publication.number, streams));
      for (const open of carried) {
        open.unpublished = false;
        completeIfSo(open);
      }
      if (deliveries.size <= mostWaits) return;
      for (const open of book.underWay()) {
        if (deliveries.size <= mostWaits * 0.9) break;
        if (open.complete) giveUp(open, true);
      }
    },
    take: deliveries.take,
    book,
    underWay: book.underWay,
  };
}

function* keysOf(open: OpenChange): Iterable<string> {
  for (const [typeUrl, names] of open.names) for (const name of names) yield `${typeUrl} ${name}`;
}
