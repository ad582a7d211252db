/** Decides when changes are published: a lone one in the same tick, a burst of them in few batches. */
import type { Clock } from "@legation/runtime";

/** The window after a publication in which further changes wait, and how far it grows while they keep coming; milliseconds. */
export const burstWindow = { first: 10, most: 100 } as const;

/** The gate in front of a publication. */
export interface Burst {
  /** Asks for a publication: at the end of this tick when the gate is idle, else at the end of the running window. */
  request(): void;
  /** Publishes what waits, now. */
  flush(): void;
  /** Ends all timers; nothing is published afterwards. */
  stop(): void;
}

/**
 * Makes the gate. `publish` is called once per batch and must take all that has come by then. The window starts at
 * `burstWindow.first` and doubles up to `burstWindow.most` as long as each window ends with something to publish.
 */
export function createBurst(clock: Clock, publish: () => void): Burst {
  let waiting = false;
  let stopped = false;
  let span: number = burstWindow.first;
  let window: { cancel(): void } | undefined;

  const run = () => {
    if (!waiting || stopped) return;
    waiting = false;
    window?.cancel();
    window = clock.timeout(span, close);
    publish();
  };
  const close = () => {
    window = undefined;
    span = waiting ? Math.min(span * 2, burstWindow.most) : burstWindow.first;
    run();
  };

  return {
    request() {
      if (waiting) return;
      waiting = true;
      if (!window) queueMicrotask(() => !window && run());
    },
    flush: run,
    stop() {
      stopped = true;
      window?.cancel();
    },
  };
}
