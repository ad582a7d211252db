/** Between the cache and the streams: marks those that a change concerns, coalesces bursts, and spreads the work over turns. */
import type { Clock, Timer } from "@legation/runtime";
import type { ChangedNames } from "./cache.js";
import type { InterestIndex } from "./interest.js";
import type { Mark, Publication } from "./publication.js";
import type { Stream } from "./stream.js";
import { TypeUrl } from "./type.js";

/**
 * How bursts are coalesced. After a publication to n streams the next one comes `perStream × n` milliseconds later, at most
 * `ceiling`; so a lone change goes out at once, and a machine that is kept busy sends the newest state less often.
 */
export interface Coalescing {
  readonly perStream: number;
  readonly ceiling: number;
}

/** Streams handled before other work gets a turn. */
const batch = 64;

/** One per server. */
export class Publisher {
  readonly #changes = new Map<string, Map<string, Set<string>>>();
  readonly #queue = new Set<Stream>();
  #publication = 0;
  #publishing = false;
  #pumping = false;
  #nextAt = 0;
  #timer: Timer | undefined;

  /** `streams` are all open streams; `told` is called with each publication once its streams are marked. */
  constructor(
    private readonly clock: Clock,
    private readonly streams: ReadonlySet<Stream>,
    private readonly interest: InterestIndex<Stream>,
    private readonly coalescing: Coalescing,
    private readonly told?: (publication: Publication) => void,
  ) {}

  /** The number of the last publication. */
  get publication(): number {
    return this.#publication;
  }

  /** A layer changed; the streams hear of it at the next publication. */
  changed(layer: string, changed: ChangedNames): void {
    let types = this.#changes.get(layer);
    if (!types) {
      types = new Map();
      this.#changes.set(layer, types);
    }
    for (const [typeUrl, names] of changed) {
      const known = types.get(typeUrl);
      if (known) for (const name of names) known.add(name);
      else types.set(typeUrl, new Set(names));
    }
    if (this.#publishing) return;
    this.#publishing = true;
    const wait = this.#nextAt - this.clock.monotonic();
    if (wait <= 0) queueMicrotask(() => this.#publish());
    else this.#timer = this.clock.timeout(wait, () => this.#publish());
  }

  /** The stream has something to do. */
  enqueue(stream: Stream): void {
    this.#queue.add(stream);
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => this.#drain());
  }

  /** Publishes nothing more. */
  stop(): void {
    this.#timer?.cancel();
    this.#publishing = true;
    this.#queue.clear();
  }

  #publish(): void {
    this.#publishing = false;
    const before = this.#queue.size;
    const marks: Mark[] = [];
    const number = ++this.#publication;
    for (const [layer, types] of this.#changes) this.#mark(layer, types, marks);
    this.#changes.clear();
    this.told?.({ number, marks });
    const marked = this.#queue.size - before;
    this.#nextAt = this.clock.monotonic() + Math.min(this.coalescing.ceiling, marked * this.coalescing.perStream);
  }

  #mark(layer: string, types: ReadonlyMap<string, ReadonlySet<string>>, marks: Mark[]): void {
    for (const [typeUrl, names] of types) {
      for (const name of names) {
        this.#markNamed(layer, typeUrl, name, marks);
        if (typeUrl === TypeUrl.cluster) this.#markNamed(layer, TypeUrl.endpoint, name, marks);
      }
    }
    const wildcards = new Map<string, number[]>();
    for (const stream of this.streams) {
      if (!stream.view?.layers.has(layer)) continue;
      if (stream.waiting) this.enqueue(stream);
      for (const subscription of stream.subscriptions) {
        const names = subscription.wildcard ? types.get(subscription.type.url) : undefined;
        if (!names) continue;
        for (const name of names) subscription.mark(name);
        subscription.settlement.mark(this.#publication);
        this.enqueue(stream);
        const marked = wildcards.get(subscription.type.url);
        if (marked) marked.push(stream.id);
        else wildcards.set(subscription.type.url, [stream.id]);
      }
    }
    for (const [typeUrl, streams] of wildcards) marks.push({ layer, typeUrl, names: types.get(typeUrl) ?? [], streams });
  }

  #markNamed(layer: string, typeUrl: string, name: string, marks: Mark[]): void {
    const streams: number[] = [];
    for (const stream of this.interest.of(typeUrl, name)) {
      if (!stream.view?.named.has(layer)) continue;
      const subscription = stream.subscription(typeUrl);
      if (!subscription) continue;
      subscription.mark(name);
      subscription.settlement.mark(this.#publication);
      this.enqueue(stream);
      streams.push(stream.id);
    }
    if (streams.length > 0) marks.push({ layer, typeUrl, names: [name], streams });
  }

  #drain(): void {
    let left = batch;
    try {
      for (const stream of this.#queue) {
        this.#queue.delete(stream);
        stream.pump();
        if (--left === 0) break;
      }
    } finally {
      // Also when one stream's turn throws: the others are not to wait for ever.
      if (this.#queue.size > 0) setImmediate(() => this.#drain());
      else this.#pumping = false;
    }
  }
}
