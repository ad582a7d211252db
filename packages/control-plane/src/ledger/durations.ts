/**
 * Many durations in little space: how often each of a row of values came up, each 4 % above the one before, so that a percentile is true to
 * 2 % (as in DDSketch, Masson and others, VLDB 2019). Two of them added are those of both, in any order.
 */

/** How often each bucket came up, as pairs of bucket and count in the order of the buckets. */
export type Durations = readonly number[];

/** Durations up to this are one; milliseconds. */
const least = 0.05;

const growth = 1.04;

/** The bucket of durations of more than ten days: nothing is above it. */
const highest = 600;

/** Counts durations. At most 601 buckets are in use, whatever comes. */
export class DurationCounter {
  readonly #counts = new Map<number, number>();

  /** Milliseconds. */
  add(ms: number): void {
    const bucket = bucketOf(ms);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
  }

  /** What was counted so far. */
  counts(): Durations {
    return [...this.#counts].sort(([a], [b]) => a - b).flat();
  }
}

/** The durations of all of these. */
export function sum(all: Iterable<Durations>): Durations {
  const counts = new Map<number, number>();
  for (const durations of all)
    for (let i = 0; i + 1 < durations.length; i += 2) {
      const bucket = durations[i] ?? 0;
      counts.set(bucket, (counts.get(bucket) ?? 0) + (durations[i + 1] ?? 0));
    }
  return [...counts].sort(([a], [b]) => a - b).flat();
}

/** The duration that this share of them does not exceed, by nearest rank; milliseconds. Undefined when there are none. */
export function percentile(durations: Durations, share: number): number | undefined {
  let total = 0;
  for (let i = 1; i < durations.length; i += 2) total += durations[i] ?? 0;
  let left = Math.max(1, Math.ceil(total * share));
  for (let i = 0; i + 1 < durations.length; i += 2) {
    left -= durations[i + 1] ?? 0;
    if (left <= 0) return middleOf(durations[i] ?? 0);
  }
  return undefined;
}

function bucketOf(ms: number): number {
  return ms <= least ? 0 : Math.min(highest, Math.ceil(Math.log(ms / least) / Math.log(growth)));
}

/** The middle of a bucket, by ratio. */
function middleOf(bucket: number): number {
  return bucket === 0 ? least : least * growth ** (bucket - 0.5);
}
