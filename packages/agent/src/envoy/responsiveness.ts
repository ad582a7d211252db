/** Notices an Envoy that lives and does not answer any more: stopped, deadlocked, or starved. */
import type { Clock, Timer } from "@legation/runtime";

/** What to watch. Times in milliseconds. */
export interface ResponsivenessOptions {
  /** Rejects when Envoy does not answer. */
  readonly ask: () => Promise<unknown>;
  /** No answer for so long is the end of patience; asked three times as often. */
  readonly limitMs: number;
  readonly clock: Clock;
  /** Called once, with how long there has been no answer. */
  readonly onSilent: (ms: number) => void;
}

/** Asks until it is cancelled or has called `onSilent`. One missed answer is never enough: the agent itself may have slept. */
export function watchResponsiveness({ ask, limitMs, clock, onSilent }: ResponsivenessOptions): Timer {
  let cancelled = false;
  let silentSince: number | undefined;
  const look = async (): Promise<void> => {
    const asked = clock.monotonic();
    try {
      await ask();
      silentSince = undefined;
    } catch {
      const silent = clock.monotonic() - (silentSince ?? asked);
      if (cancelled) return;
      if (silentSince !== undefined && silent >= limitMs) return onSilent(silent);
      silentSince ??= asked;
    }
    arm();
  };
  let timer: Timer | undefined;
  const arm = (): void => {
    if (!cancelled) timer = clock.timeout(limitMs / 3, () => void look());
  };
  arm();
  return {
    cancel() {
      cancelled = true;
      timer?.cancel();
    },
  };
}
