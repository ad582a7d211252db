/** How long to wait before the next attempt: exponential, bounded, with jitter so that many clients do not return at once. */

/** What shapes a back-off. */
export interface BackoffOptions {
  /** The first wait, in milliseconds before jitter. */
  readonly base: number;
  /** The longest wait, in milliseconds before jitter. */
  readonly max: number;
  /** Each wait is this many times the one before it; default 2. */
  readonly factor?: number;
  /** The share by which a wait varies both ways; default 0.2, that is ±20 %. */
  readonly jitter?: number;
  /** A number of [0, 1); default Math.random. */
  readonly random?: () => number;
}

/** A sequence of waits. One per thing that is retried. */
export interface Backoff {
  /** The next wait in milliseconds: `min(base × factor^attempts, max) × (1 ± jitter)`. */
  next(): number;
  /** Starts over; call it after a success. */
  reset(): void;
  /** How often `next` was called since the start or the last reset. */
  readonly attempts: number;
}

/** Makes a back-off that has made no attempt yet. */
export function createBackoff(options: BackoffOptions): Backoff {
  const { base, max, factor = 2, jitter = 0.2, random = Math.random } = options;
  let attempts = 0;
  return {
    next() {
      const wait = Math.min(base * factor ** attempts, max);
      attempts += 1;
      return Math.round(wait * (1 + jitter * (2 * random() - 1)));
    },
    reset() {
      attempts = 0;
    },
    get attempts() {
      return attempts;
    },
  };
}
