/** Exponential back-off with jitter. */

/** Delays that grow from attempt to attempt. */
export interface Backoff {
  /** The delay before the next attempt, in milliseconds. */
  next(): number;
  /** Starts again at `base`, after a success. */
  reset(): void;
  /** How many delays were handed out since the last reset. */
  readonly attempts: number;
}

/**
 * The n-th delay is `min(max, base × factor^n)`, spread by ± `jitter` of itself.
 * `base` and `max` are milliseconds; `factor` is 2 and `jitter` 0.2 unless given.
 */
export function createBackoff(options: { base: number; max: number; factor?: number; jitter?: number; random?: () => number }): Backoff {
  const { base, max, factor = 2, jitter = 0.2, random = Math.random } = options;
  let attempts = 0;
  return {
    next() {
      const delay = Math.min(max, base * factor ** attempts);
      attempts += 1;
      return Math.round(delay * (1 + jitter * (2 * random() - 1)));
    },
    reset() {
      attempts = 0;
    },
    get attempts() {
      return attempts;
    },
  };
}
