/** A sleep that can be cut short; a ring while nobody sleeps is not lost. */
import type { Clock } from "@legation/runtime";

/** See the file's sentence. One sleeper at a time. */
export interface Alarm {
  /** Resolves after `ms`, or at once when `ring` came before or comes meanwhile. */
  sleep(ms: number): Promise<void>;
  ring(): void;
}

/** Creates an alarm on a clock. */
export function createAlarm(clock: Clock): Alarm {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    async sleep(ms) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = clock.timeout(ms, resolve);
          wake = () => {
            timer.cancel();
            resolve();
          };
        });
      }
      rung = false;
      wake = undefined;
    },
    ring() {
      rung = true;
      wake?.();
    },
  };
}
