/** Latencies in bounded memory: counts in geometric buckets, so that any percentile is known within 2 %. */

/** Percentiles of a histogram; milliseconds, 0 when it is empty. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const smallest = 0.05;
const growth = Math.log(1.02);
const buckets = 1 + Math.ceil(Math.log(600_000 / smallest) / growth);

/** Counts of latencies between 0.05 ms and 10 min; others count as the nearest. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(buckets);
  #count = 0;
  #max = 0;

  /** Milliseconds. */
  add(ms: number): void {
    const at = Math.round(Math.log(Math.max(ms, smallest) / smallest) / growth);
    const bucket = Math.min(at, buckets - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#max = Math.max(this.#max, ms);
  }

  /** The latency that this share of all did not exceed. */
  percentile(share: number): number {
    const rank = Math.ceil(share * this.#count);
    if (rank === 0) return 0;
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(smallest * Math.exp(bucket * growth), this.#max);
    }
    return this.#max;
  }

  summary(): LatencySummary {
    const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((share) => this.percentile(share)) as [number, number, number, number];
    return { count: this.#count, p50, p90, p99, p999, max: this.#max };
  }
}
