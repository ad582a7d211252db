/** What tests of components need that take a Clock: time that moves only when the test says so. */
import { type Clock, sleepOn } from "./clock.js";

export { createTestAuthority, type TestAuthority, type TestLeaf, type TestLife } from "./testing-authority.js";

/** A clock that stands still until `advance`. */
export interface TestClock extends Clock {
  /**
   * Moves time by `ms` milliseconds, running every timer that falls due in its order, at its own time, and letting the promises that
   * each one settles run before the next.
   */
  advance(ms: number): Promise<void>;
  /** How many timers and sleeps wait. */
  readonly pending: number;
}

/** Makes a clock whose `now` starts at `start` (milliseconds since the epoch; default 2024-01-01) and whose `monotonic` starts at 0. */
export function createTestClock(start = Date.UTC(2024, 0, 1)): TestClock {
  const timers = new Set<{ readonly due: number; readonly fn: () => void }>();
  let elapsed = 0;
  const nextDue = (limit: number) => {
    let next: { readonly due: number; readonly fn: () => void } | undefined;
    for (const timer of timers) if (timer.due <= limit && (!next || timer.due < next.due)) next = timer;
    return next;
  };
  const clock: TestClock = {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) => sleepOn(clock, ms, signal),
    timeout(ms, fn) {
      const timer = { due: elapsed + Math.max(0, ms), fn };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    async advance(ms) {
      const target = elapsed + ms;
      await settled();
      for (let timer = nextDue(target); timer; timer = nextDue(target)) {
        timers.delete(timer);
        elapsed = timer.due;
        timer.fn();
        await settled();
      }
      elapsed = target;
    },
    get pending() {
      return timers.size;
    },
  };
  return clock;
}

const nextTurn = setImmediate;

/** Lets every promise that can settle without time or I/O do so. */
function settled(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}
