/** Who asked for which name: what makes the cost of a change follow the number of its subscribers. */

import type { NameList } from "./names.js";

const nobody: ReadonlySet<never> = new Set();

/** The interest in one type: in single names, and in lists that many subscribers share. */
interface Type<Subscriber> {
  readonly names: Map<string, Set<Subscriber>>;
  readonly lists: Map<NameList, Set<Subscriber>>;
  readonly listsByName: Map<string, Set<NameList>>;
}

/** Subscribers by type URL and name. */
export class InterestIndex<Subscriber> {
  readonly #types = new Map<string, Type<Subscriber>>();

  /** Records the interest of a subscriber in a name. */
  add(typeUrl: string, name: string, subscriber: Subscriber): void {
    addTo(this.#type(typeUrl).names, name, subscriber);
  }

  /** Ends it. */
  remove(typeUrl: string, name: string, subscriber: Subscriber): void {
    removeFrom(this.#type(typeUrl).names, name, subscriber);
  }

  /** Records the interest in a whole list; the work of its names is done once for all that share it. */
  addList(typeUrl: string, list: NameList, subscriber: Subscriber): void {
    const type = this.#type(typeUrl);
    if (!type.lists.has(list)) for (const name of list.set) addTo(type.listsByName, name, list);
    addTo(type.lists, list, subscriber);
  }

  /** Ends it. */
  removeList(typeUrl: string, list: NameList, subscriber: Subscriber): void {
    const type = this.#type(typeUrl);
    if (!type.lists.has(list)) return;
    removeFrom(type.lists, list, subscriber);
    if (!type.lists.has(list)) for (const name of list.set) removeFrom(type.listsByName, name, list);
  }

  /** All that asked for the name, and some that shared a list with it and have lost interest since. */
  *of(typeUrl: string, name: string): Iterable<Subscriber> {
    const type = this.#types.get(typeUrl);
    if (!type) return;
    yield* type.names.get(name) ?? nobody;
    for (const list of type.listsByName.get(name) ?? nobody) yield* type.lists.get(list) ?? nobody;
  }

  #type(typeUrl: string): Type<Subscriber> {
    let type = this.#types.get(typeUrl);
    if (!type) {
      type = { names: new Map(), lists: new Map(), listsByName: new Map() };
      this.#types.set(typeUrl, type);
    }
    return type;
  }
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.add(value);
  else map.set(key, new Set([value]));
}

function removeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values?.delete(value) && values.size === 0) map.delete(key);
}
