/** A change that is under way: from being seen until each proxy that it concerns is accounted for. */
import type { LedgerRefusal } from "@legation/contract/api";
import type { Change } from "./change.js";
import { DurationCounter } from "./durations.js";
import { type LedgerRecord, namesKept } from "./record.js";
import type { Wait } from "./wait.js";

/** Characters of a proxy's words that are kept. */
const longestMessage = 1_000;

/** One change. Durations are milliseconds since it was seen. */
export class OpenChange {
  /** Services that are to be compiled because of it. */
  readonly touched = new Set<string>();
  /** Names of the resources that it made other, by type URL. */
  readonly names = new Map<string, Set<string>>();
  /** Proxies that are not accounted for. */
  readonly waits = new Set<Wait>();
  /** Proxies that are accounted for although more of the change may come to them. */
  readonly over = new Set<number>();
  /** Streams have been marked for it. */
  marked = false;
  /** It has made resources other that the streams have not been told of yet. */
  unpublished = false;
  /** All of it is compiled and published: no further proxy is concerned. */
  complete = false;
  /** Nothing of it will be other any more. */
  closed = false;
  batch: string | undefined;
  compiled: number | undefined;
  overtakenBy: string | undefined;
  note: string | undefined;
  readonly #resources: string[] = [];
  readonly #durations = new DurationCounter();
  readonly #refusals: LedgerRefusal[] = [];
  readonly #goneNodes: string[] = [];
  #sentFirst: number | undefined;
  #sentLast: number | undefined;
  #acknowledged = 0;
  #refused = 0;
  #gone = 0;
  #abandoned = 0;
  #abandonedNodes: readonly string[] = [];
  #lastNode = "";
  #lastMs = -1;

  /** Seen at `at` (milliseconds since the epoch), which is `since` on the monotonic clock. */
  constructor(
    readonly change: Change,
    readonly at: number,
    readonly since: number,
  ) {}

  /** A resource is other than before because of it; `word` is what people call its type. */
  altered(typeUrl: string, name: string, word: string): void {
    const names = this.names.get(typeUrl) ?? new Set();
    if (names.has(name)) return;
    this.names.set(typeUrl, names.add(name));
    if (this.#resources.length < namesKept) this.#resources.push(`${word} ${name}`);
  }

  /** True before it was sent to anybody. */
  get unsent(): boolean {
    return this.#sentFirst === undefined;
  }

  sent(ms: number): void {
    this.#sentFirst ??= ms;
    this.#sentLast = ms;
  }

  acknowledged(node: string, ms: number): void {
    this.#acknowledged++;
    this.#durations.add(ms);
    if (ms < this.#lastMs) return;
    this.#lastNode = node;
    this.#lastMs = ms;
  }

  refused(refusal: LedgerRefusal): void {
    this.#refused++;
    if (this.#refusals.length < namesKept) this.#refusals.push({ ...refusal, message: refusal.message.slice(0, longestMessage) });
  }

  gone(node: string): void {
    this.#gone++;
    if (this.#goneNodes.length < namesKept) this.#goneNodes.push(node);
  }

  /** Nobody is waited for any more. */
  abandoned(nodes: readonly string[], why: string): void {
    this.#abandoned += nodes.length;
    this.#abandonedNodes = nodes.slice(0, namesKept);
    this.note = why;
  }

  /** What is known of it now. */
  record(closed: boolean): LedgerRecord {
    const laggards = [...firstOf(this.waits, namesKept)].map(({ proxy }) => proxy.node);
    const { id, kind, service, what, items } = this.change;
    return {
      ...{ id, kind, what, items, seen: this.at },
      ...(service === undefined ? {} : { service }),
      ...defined({ batch: this.batch, compiled: rounded(this.compiled) }),
      ...defined({ sentFirst: rounded(this.#sentFirst), sentLast: rounded(this.#sentLast) }),
      ...defined({ overtakenBy: this.overtakenBy, note: this.note }),
      resources: [...this.#resources],
      ...{ acknowledged: this.#acknowledged, refused: this.#refused, gone: this.#gone, abandoned: this.#abandoned },
      waiting: this.waits.size,
      durations: this.#durations.counts(),
      ...(this.#acknowledged > 0 ? { last: { node: this.#lastNode, ms: rounded(this.#lastMs) ?? 0 } } : {}),
      laggards: closed ? [...this.#abandonedNodes] : laggards,
      refusals: [...this.#refusals],
      goneNodes: [...this.#goneNodes],
      closed,
    };
  }
}

function* firstOf<T>(all: Iterable<T>, most: number): Iterable<T> {
  let left = most;
  for (const one of all) {
    if (left-- <= 0) return;
    yield one;
  }
}

/** To the hundredth of a millisecond. */
function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100;
}

function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
