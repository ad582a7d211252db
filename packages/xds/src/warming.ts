/** New clusters that still lack their endpoints: what must not yet be routed to. */
import { resourceOf } from "./holding.js";
import type { Plan } from "./plan.js";
import type { Subscription } from "./subscription.js";
import { TypeUrl } from "./type.js";
import type { View } from "./view.js";

/** The warming clusters of one stream. A cluster warms for at most `limit` milliseconds. */
export class Warming {
  readonly #since = new Map<string, number>();

  constructor(private readonly limit: number) {}

  /**
   * These changes of clusters are about to be sent; `now` is monotonic milliseconds. A new cluster that has endpoints warms until they
   * are acknowledged. With `resend`, the endpoints of a changed one are marked to be sent again.
   */
  clustersChange(plan: Plan, clusters: Subscription, endpoints: Subscription | undefined, view: View, resend: boolean, now: number): void {
    if (!endpoints) return;
    for (const { name } of plan.set) {
      if (clusters.holding.get(name) === undefined) {
        if (!resourceOf(endpoints.holding.get(name)) && view.lookup(TypeUrl.endpoint, name)) this.#since.set(name, now);
      } else if (resend && endpoints.names.has(name)) endpoints.mark(name, true);
    }
    for (const name of plan.remove) this.end(name);
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
