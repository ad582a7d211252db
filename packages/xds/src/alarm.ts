/** One timer for many reasons: it goes off at the earliest of the times that were asked for. */
import type { Clock, Timer } from "@legation/runtime";

/** A stream's alarm. */
export class Alarm {
  #timer: Timer | undefined;
  #at = Number.POSITIVE_INFINITY;

  /** `ring` may come too early, when what a time was asked for has happened meanwhile. */
  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  /** Goes off at `at` at the latest; `now` and `at` are monotonic milliseconds, an infinite `at` asks for nothing. */
  by(at: number, now: number): void {
    if (at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.clock.timeout(Math.max(1, at - now), () => {
      this.#at = Number.POSITIVE_INFINITY;
      this.ring();
    });
  }

  /** Never goes off. */
  cancel(): void {
    this.#timer?.cancel();
    this.#at = Number.NEGATIVE_INFINITY;
  }
}
