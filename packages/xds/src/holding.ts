/** What a client holds of one type, as a shared base with the client's own differences: a thousand equal clients cost one map. */
import type { Resource } from "./resource.js";

/** The client has been told that the name does not exist. */
export const absent = Symbol("absent");

/** A version that the client says it holds from an earlier stream; its content is not known here. */
export interface Claimed {
  readonly claimed: string;
}

/** What a client holds under one name; undefined when it holds nothing and was told nothing. */
export type Held = Resource | Claimed | typeof absent | undefined;

const shared = new WeakMap<readonly Resource[], ReadonlyMap<string, Resource>>();
const nothing: ReadonlyMap<string, Resource> = new Map();

/** The state of one client and type. */
export class Holding {
  #base = nothing;
  #own = new Map<string, Held>();

  /** True when nothing is known of the client. */
  get empty(): boolean {
    return this.#base.size === 0 && this.#own.size === 0;
  }

  /** What the client holds under a name. */
  get(name: string): Held {
    const own = this.#own.get(name);
    return own !== undefined || this.#own.has(name) ? own : this.#base.get(name);
  }

  /** Records what the client holds under a name now. */
  set(name: string, held: Held): void {
    if (held === undefined && !this.#base.has(name)) this.#own.delete(name);
    else this.#own.set(name, held);
    if (this.#base.size > 0 && this.#own.size > 16 && this.#own.size * 2 > this.#base.size) this.#flatten();
  }

  /** Records that the client, of which nothing was known, holds exactly this list. Equal arrays share one map. */
  adopt(list: readonly Resource[]): void {
    let base = shared.get(list);
    if (!base) {
      base = new Map(list.map((resource) => [resource.name, resource]));
      shared.set(list, base);
    }
    this.#base = base;
    this.#own = new Map();
  }

  /** All names with something known, in no particular order. */
  *entries(): Iterable<[string, Exclude<Held, undefined>]> {
    for (const [name, resource] of this.#base) if (!this.#own.has(name)) yield [name, resource];
    for (const [name, held] of this.#own) if (held !== undefined) yield [name, held];
  }

  #flatten(): void {
    const own = new Map<string, Held>(this.entries());
    this.#base = nothing;
    this.#own = own;
  }
}

/** The resource itself, where the server knows it. */
export function resourceOf(held: Held): Resource | undefined {
  return held !== undefined && held !== absent && !("claimed" in held) ? held : undefined;
}

/** The version that the client holds; undefined for none. */
export function versionOf(held: Held): string | undefined {
  if (held === undefined || held === absent) return undefined;
  return "claimed" in held ? held.claimed : held.version;
}
