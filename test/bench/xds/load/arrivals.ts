/** When each stream came to hold each change. */

/** Latencies in milliseconds, and what became of all the changes. */
export interface ArrivalReport {
  /** Of each change the median, the 99th percentile and the last stream; of those the medians. */
  readonly p50: number;
  readonly p99: number;
  readonly last: number;
  /** Over all changes and streams together. */
  readonly all50: number;
  readonly all99: number;
  readonly allLast: number;
  /** Stream and change pairs that should have arrived, and that did. */
  readonly expected: number;
  readonly arrived: number;
  /** Responses with endpoints that were received. */
  readonly responses: number;
}

/** A stream that is sent change 5 holds 1 to 4 too: what is coalesced counts as arrived when the newer state does. */
export class Arrivals {
  #times = new Map<number, Float64Array>();
  #held: Int32Array;
  #counts = new Map<number, number>();
  #responses = 0;

  /** `expected` streams are to hold every change; `complete` is called with each change that they all hold. */
  constructor(
    private readonly streams: number,
    private expected: number,
    private readonly complete: (change: number) => void,
  ) {
    this.#held = new Int32Array(streams);
  }

  /** A stream was sent endpoints that hold `change`; -1 for no change. */
  arrived(stream: number, change: number, now: number): void {
    this.#responses += 1;
    const before = this.#held[stream] ?? 0;
    if (change <= before) return;
    this.#held[stream] = change;
    for (let each = before + 1; each <= change; each += 1) {
      let times = this.#times.get(each);
      if (!times) {
        times = new Float64Array(this.streams);
        this.#times.set(each, times);
      }
      times[stream] = now;
      const count = (this.#counts.get(each) ?? 0) + 1;
      this.#counts.set(each, count);
      if (count === this.expected) this.complete(each);
    }
  }

  /** One stream fewer is expected to hold what comes now. */
  without(streams: number): void {
    this.expected -= streams;
  }

  /** Summarises the changes that were made at the given times, and forgets all arrivals. */
  report(sent: readonly (readonly [change: number, at: number])[]): ArrivalReport {
    const perChange = sent.map(([change, at]) =>
      [...(this.#times.get(change) ?? [])]
        .filter((time) => time > 0)
        .map((time) => time - at)
        .sort((a, b) => a - b),
    );
    const all = perChange.flat().sort((a, b) => a - b);
    const middles = (share: number) =>
      quantile(
        perChange.map((sorted) => quantile(sorted, share)).sort((a, b) => a - b),
        0.5,
      );
    const report: ArrivalReport = {
      p50: middles(0.5),
      p99: middles(0.99),
      last: middles(1),
      all50: quantile(all, 0.5),
      all99: quantile(all, 0.99),
      allLast: quantile(all, 1),
      expected: sent.length * this.expected,
      arrived: all.length,
      responses: this.#responses,
    };
    this.#times.clear();
    this.#counts.clear();
    this.#responses = 0;
    return report;
  }
}

/** The value below which a share of a sorted list lies; 0 for an empty list. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
