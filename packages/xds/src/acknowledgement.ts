/** Waiting until every subscriber of a resource has acknowledged a version of it. */
import { absent, type Held, resourceOf, versionOf } from "./holding.js";
import { type Resource, sameContent } from "./resource.js";
import { newestRevision, revisionOf } from "./revision.js";
import type { Stream } from "./stream.js";
import type { Subscription } from "./subscription.js";

/** Which version is meant: one, or any that the predicate accepts. `undefined` = the client holds nothing under the name. */
export type Wanted = string | undefined | ((version: string | undefined) => boolean);

/** One wait. It ends when no laggard is left; new subscribers are sent the newest state and are not waited for. */
export class AcknowledgementWait {
  readonly laggards = new Set<Stream>();
  readonly done: Promise<void>;
  #resolve: () => void = () => undefined;
  /** The revision at which the version came to be; that of the call for one that is still to come. */
  #since: number;
  /** The version exists or has existed, so that a client which is up to date without it has passed it. */
  #known: boolean;

  constructor(
    readonly typeUrl: string,
    readonly name: string,
    private readonly wanted: Wanted,
    streams: Iterable<Stream>,
  ) {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const all = [...streams];
    const known = typeof wanted === "string" ? all.map((stream) => this.#find(stream, wanted)).find((resource) => resource) : undefined;
    this.#known = known !== undefined;
    this.#since = known ? revisionOf(known) : newestRevision();
    for (const stream of all) if (this.#lags(stream)) this.laggards.add(stream);
    if (this.laggards.size === 0) this.#resolve();
  }

  /** A stream acknowledged something, changed its interest, turned out to be owed nothing, or ended. */
  heard(stream: Stream): void {
    if (!this.laggards.has(stream) || this.#lags(stream)) return;
    this.laggards.delete(stream);
    if (this.laggards.size === 0) this.#resolve();
  }

  #lags(stream: Stream): boolean {
    const subscription = stream.over ? undefined : stream.subscription(this.typeUrl);
    if (!subscription || !this.#subscribes(stream, subscription)) return false;
    if (subscription.outstanding?.plan.whole) return true;
    const held = subscription.acknowledged(this.name);
    if (typeof this.wanted === "function") return !this.wanted(versionOf(held));
    return versionOf(held) !== this.wanted && !this.#passed(stream, held, subscription.target(this.name, stream.source(this.typeUrl)));
  }

  /** True when the client, which holds `held`, is past the version: it holds a later one, or all that it is to have without it. */
  #passed(stream: Stream, held: Held, target: Resource | undefined): boolean {
    // What a client keeps that waits for its state, or that came back and was told nothing yet, is not known.
    if (!stream.ready) return false;
    if (target && target.version === this.wanted) {
      if (!this.#known) this.#since = revisionOf(target);
      this.#known = true;
      return false;
    }
    const resource = resourceOf(held);
    const settled = target ? versionOf(held) === target.version && (!resource || sameContent(resource, target)) : held === absent;
    if (settled && this.#known) return true;
    const revision = Math.max(resource ? revisionOf(resource) : 0, settled && target ? revisionOf(target) : 0);
    return revision > this.#since;
  }

  #subscribes(stream: Stream, subscription: Subscription): boolean {
    if (subscription.names.has(this.name)) return true;
    if (!subscription.wildcard) return false;
    if (subscription.holding.get(this.name) !== undefined || subscription.acknowledged(this.name) !== undefined) return true;
    return stream.view?.visible(this.typeUrl, this.name) !== undefined;
  }

  /** The resource of that version, if it is what the stream's client is to have, was sent or holds. */
  #find(stream: Stream, version: string): Resource | undefined {
    const subscription = stream.subscription(this.typeUrl);
    if (!subscription) return undefined;
    const target = subscription.target(this.name, stream.source(this.typeUrl));
    const sent = resourceOf(subscription.holding.get(this.name));
    return [target, sent, resourceOf(subscription.acknowledged(this.name))].find((resource) => resource?.version === version);
  }
}
