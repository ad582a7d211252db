/** Clients that do not read: the clock runs while something that was written is not taken. */
import type { Clock, Timer } from "@legation/runtime";

/** The deadline of one call for reading; it outlives the call's end, because what was written before is still held for the client. */
export class UnreadDeadline {
  #untaken = 0;
  #timer: Timer | undefined;

  /** `expired` is called when nothing is taken for `limit` milliseconds although something waits. */
  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
    private readonly expired: () => void,
  ) {}

  /** Messages that were written and are not taken. */
  get untaken(): number {
    return this.#untaken;
  }

  /** A message was written. */
  wrote(): void {
    this.#untaken += 1;
    this.#timer ??= this.clock.timeout(this.limit, this.expired);
  }

  /** The oldest message was taken; the next one has the whole time again. */
  taken(): void {
    this.#untaken -= 1;
    this.#timer?.cancel();
    this.#timer = this.#untaken > 0 ? this.clock.timeout(this.limit, this.expired) : undefined;
  }

  /** The connection is gone: nobody will read. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
