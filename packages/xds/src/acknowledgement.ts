/** Waiting until every subscriber of a resource has acknowledged a version of it. */
import { resourceOf, versionOf } from "./holding.js";
import { revisionOf } from "./revision.js";
import type { Stream } from "./stream.js";
import type { Subscription } from "./subscription.js";

/** Which version is meant: one, or any that the predicate accepts. `undefined` = the client holds nothing under the name. */
export type Wanted = string | undefined | ((version: string | undefined) => boolean);

/** One wait. It ends when no laggard is left; new subscribers are sent the newest state and are not waited for. */
export class AcknowledgementWait {
  readonly laggards = new Set<Stream>();
  readonly #accepts: (subscription: Subscription) => boolean;
  readonly done: Promise<void>;
  #resolve: () => void = () => undefined;

  /** `since` is the revision at which the version came to be; a client that acknowledged a later one has passed it. */
  constructor(
    readonly typeUrl: string,
    readonly name: string,
    wanted: Wanted,
    since: number,
    streams: Iterable<Stream>,
  ) {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#accepts = (subscription) => {
      const held = subscription.acknowledged(name);
      if (subscription.outstanding?.plan.whole) return false;
      if (typeof wanted === "function") return wanted(versionOf(held));
      if (versionOf(held) === wanted) return true;
      const resource = resourceOf(held);
      return wanted !== undefined && resource !== undefined && revisionOf(resource) > since;
    };
    for (const stream of streams) {
      const subscription = stream.subscription(typeUrl);
      if (subscription && subscribes(stream, subscription, name) && !this.#accepts(subscription)) this.laggards.add(stream);
    }
    if (this.laggards.size === 0) this.#resolve();
  }

  /** A stream acknowledged something, changed its interest, or ended. */
  heard(stream: Stream): void {
    if (!this.laggards.has(stream)) return;
    const subscription = stream.over ? undefined : stream.subscription(this.typeUrl);
    if (subscription && subscribes(stream, subscription, this.name) && !this.#accepts(subscription)) return;
    this.laggards.delete(stream);
    if (this.laggards.size === 0) this.#resolve();
  }
}

function subscribes(stream: Stream, subscription: Subscription, name: string): boolean {
  if (subscription.names.has(name)) return true;
  if (!subscription.wildcard) return false;
  return subscription.holding.get(name) !== undefined || stream.view?.visible(subscription.type.url, name) !== undefined;
}
