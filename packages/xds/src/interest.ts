/** Who asked for which name: what makes the cost of a change follow the number of its subscribers. */

const nobody: ReadonlySet<never> = new Set();

/** Subscribers by type URL and name. */
export class InterestIndex<Subscriber> {
  readonly #types = new Map<string, Map<string, Set<Subscriber>>>();

  /** Records the interest of a subscriber in a name. */
  add(typeUrl: string, name: string, subscriber: Subscriber): void {
    let names = this.#types.get(typeUrl);
    if (!names) {
      names = new Map();
      this.#types.set(typeUrl, names);
    }
    const subscribers = names.get(name);
    if (subscribers) subscribers.add(subscriber);
    else names.set(name, new Set([subscriber]));
  }

  /** Ends it. */
  remove(typeUrl: string, name: string, subscriber: Subscriber): void {
    const names = this.#types.get(typeUrl);
    const subscribers = names?.get(name);
    if (!names || !subscribers?.delete(subscriber)) return;
    if (subscribers.size === 0) names.delete(name);
  }

  /** All that asked for the name. */
  of(typeUrl: string, name: string): ReadonlySet<Subscriber> {
    return this.#types.get(typeUrl)?.get(name) ?? nobody;
  }
}
