/** Up to which publication a client has all that one type owes it. */
import type { Subscription } from "./subscription.js";

/** The part of a subscription that counts publications. */
export class Settlement {
  /** The last publication with a change for the client. */
  #marked = 0;
  #settled = 0;
  /** What the outstanding response brings the client to; undefined when more is still to follow it. */
  #inFlight: number | undefined;

  /** True while a publication with a change for the client is not settled. */
  get owed(): boolean {
    return this.#marked > this.#settled;
  }

  /** A publication has a change for the client. */
  mark(publication: number): void {
    this.#marked = publication;
  }

  /** A response goes out that brings the client up to this publication. Returns it. */
  sent(through: number | undefined): number | undefined {
    this.#inFlight = through;
    return through;
  }

  /** The client took it. Returns what it is brought up to. */
  acknowledged(): number | undefined {
    const through = this.#inFlight;
    if (through !== undefined) this.settle(through);
    this.#inFlight = undefined;
    return through;
  }

  /** The client is owed nothing of what was published up to there. */
  settle(publication: number): void {
    this.#settled = Math.max(this.#settled, publication);
  }
}

/** The types of which a client was owed something and is owed nothing any more, up to this publication: each is told once. */
export function* newlySettled(subscriptions: readonly Subscription[], publication: number): Iterable<string> {
  for (const { type, settlement, outstanding, dirty } of subscriptions) {
    if (!settlement.owed || outstanding || dirty) continue;
    settlement.settle(publication);
    yield type.url;
  }
}
