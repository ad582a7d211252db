/** Time as a value that is passed in, so that tests move it by hand (`createTestClock` of `@legation/runtime/testing`). */

/** A timer that can be taken back. */
export interface Timer {
  /** Does nothing once the timer has fired. */
  cancel(): void;
}

/** All that a component may know of time. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the machine's time is set. For display and records. */
  now(): number;
  /** Milliseconds since some start; never goes back. For durations. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects with `signal.reason` as soon as the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once after `ms` milliseconds, however long that is. */
  timeout(ms: number, fn: () => void): Timer;
}

/** The longest wait that one Node timer can hold, in milliseconds; a longer one would fire at once. */
const longestTimer = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep(ms, signal) {
    return sleepOn(systemClock, ms, signal);
  },
  timeout(ms, fn) {
    const due = performance.now() + ms;
    let handle: NodeJS.Timeout;
    const arm = (left: number) => {
      handle = setTimeout(() => (left > longestTimer ? arm(due - performance.now()) : fn()), Math.min(left, longestTimer));
    };
    arm(ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Builds `sleep` from a clock's `timeout`. */
export function sleepOn(clock: Pick<Clock, "timeout">, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.timeout(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
