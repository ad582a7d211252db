/** Names that a client asked for and that do not exist: told to the source of resources once, and put off while it provides them. */
import type { Variant } from "./frame.js";
import type { Plan, Source } from "./plan.js";
import type { Subscription } from "./subscription.js";

/** The demands of one stream. */
export class Demands {
  readonly #asked = new Map<string, Map<string, "told" | "awaited">>();

  /** True while the source is at work on the name. */
  awaits(typeUrl: string, name: string): boolean {
    return this.#asked.get(typeUrl)?.get(name) === "awaited";
  }

  /** True while the source is at work on any name of the type. */
  awaitsAny(typeUrl: string): boolean {
    for (const state of this.#asked.get(typeUrl)?.values() ?? []) if (state === "awaited") return true;
    return false;
  }

  /** The source is at work on these names. Returns what to call when it has finished, or takes too long. */
  await(typeUrl: string, names: readonly string[]): () => void {
    const asked = this.#of(typeUrl);
    for (const name of names) asked.set(name, "awaited");
    return () => {
      for (const name of names) if (asked.get(name) === "awaited") asked.set(name, "told");
    };
  }

  /** Tells of the absent names in a plan that were not told of yet; it is made again when there were any. */
  ask(subscription: Subscription, plan: Plan, source: Source, now: number, tell: (names: readonly string[]) => void): Plan {
    const asked = this.#of(subscription.type.url);
    const fresh = plan.absent.filter((name) => subscription.names.has(name) && !asked.has(name));
    if (fresh.length === 0) return plan;
    for (const name of fresh) asked.set(name, "told");
    tell(fresh);
    return subscription.plan(source, now);
  }

  /** The client was told that these names do not exist. Beyond `limit` such names per type, the interest in them ends. */
  answered(subscription: Subscription, names: readonly string[], limit: number): void {
    if (names.length === 0) return;
    const asked = this.#of(subscription.type.url);
    for (const name of names) asked.delete(name);
    const excess = subscription.absentCount() - limit;
    for (const name of excess > 0 ? names.slice(-excess) : []) if (subscription.names.has(name)) subscription.unsubscribe(name);
  }

  /** Settles what the variant and the type have no word for, as if the client had been told; returns what is left to say. */
  withoutSilent(subscription: Subscription, plan: Plan, variant: Variant, limit: number): Plan {
    const { type } = subscription;
    const { remove, absent } = plan;
    if (variant === "sotw" && !type.fullState && remove.length + absent.length > 0) {
      subscription.told(plan);
      this.answered(subscription, absent, Number.POSITIVE_INFINITY);
      return { ...plan, remove: [], absent: [] };
    }
    if (!type.silentAbsence || absent.length === 0) return plan;
    subscription.told({ remove: [], absent });
    this.answered(subscription, absent, limit);
    return { ...plan, absent: [] };
  }

  #of(typeUrl: string): Map<string, "told" | "awaited"> {
    let asked = this.#asked.get(typeUrl);
    if (!asked) {
      asked = new Map();
      this.#asked.set(typeUrl, asked);
    }
    return asked;
  }
}
