/** New clusters that still lack their endpoints: what must not yet be routed to. */

/** The warming clusters of one stream. A cluster warms for at most `limit` milliseconds. */
export class Warming {
  readonly #since = new Map<string, number>();

  constructor(private readonly limit: number) {}

  /** A cluster that has endpoints was sent for the first time; `now` is monotonic milliseconds. */
  begin(name: string, now: number): void {
    this.#since.set(name, now);
  }

  /** Its endpoints were acknowledged, or it is gone or refused. */
  end(name: string): void {
    if (this.#since.size > 0) this.#since.delete(name);
  }

  /** True while a cluster warms. One whose endpoints have vanished meanwhile, as `exist` says, warms no longer. */
  any(now: number, exist: (name: string) => boolean): boolean {
    if (this.#since.size === 0) return false;
    for (const [name, since] of this.#since) if (now - since >= this.limit || !exist(name)) this.#since.delete(name);
    return this.#since.size > 0;
  }
}
