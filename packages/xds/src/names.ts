/** Lists of resource names as clients send them, decoded once for all clients that send the same bytes. */
import { FieldReader, MalformedMessage } from "./wire.js";

/** A request that names more than one client may. */
export class TooManyNames extends Error {}

/** What one list of names may be at most. */
export interface NameBounds {
  readonly names: number;
  /** Of all names together. */
  readonly nameCharacters: number;
}

/** The names of one repeated field. Shared and never changed; equal bytes give the same object. */
export interface NameList {
  readonly names: readonly string[];
  /** The characters of all names together. */
  readonly characters: number;
  /** The same names, for looking up. */
  readonly set: ReadonlySet<string>;
}

/** The list without names. */
export const noNames: NameList = { names: [], characters: 0, set: new Set() };

interface Known extends NameList {
  readonly raw: Buffer;
}

/** Decodes name lists, and remembers those that came last: comparing bytes is a hundred times quicker than decoding. */
export class NameLists {
  readonly #byLength = new Map<number, Known[]>();
  #count = 0;
  #bytes = 0;

  /** Lists shorter than this many bytes are decoded each time. */
  static readonly rememberFrom = 256;
  /** So many lists are remembered; then all are forgotten. */
  static readonly capacity = 512;
  /** So many bytes of lists, at most, with what each decoded name costs; then too. */
  static readonly capacityBytes = 64 * 1024 * 1024;

  constructor(readonly bounds: NameBounds) {}

  /** The names in `raw`, a run of fields of which those with number `field` are names. Throws MalformedMessage and TooManyNames. */
  decode(raw: Buffer, field: number): NameList {
    if (raw.length === 0) return noNames;
    if (raw.length < NameLists.rememberFrom) return decodeNames(raw, field, this.bounds);
    const candidates = this.#byLength.get(raw.length) ?? [];
    for (const known of candidates) if (known.raw.equals(raw)) return known;
    const list: Known = { ...decodeNames(raw, field, this.bounds), raw: Buffer.from(raw) };
    const cost = raw.length + list.names.length * bytesPerName;
    if (this.#count >= NameLists.capacity || this.#bytes + cost > NameLists.capacityBytes) {
      this.#byLength.clear();
      this.#count = 0;
      this.#bytes = 0;
    }
    this.#count += 1;
    this.#bytes += cost;
    this.#byLength.set(raw.length, [...(this.#byLength.get(raw.length) ?? []), list]);
    return list;
  }
}

/** What a decoded name takes beyond its bytes: a string, and its places in an array and a set. */
const bytesPerName = 64;

function decodeNames(raw: Buffer, field: number, bounds: NameBounds): NameList {
  const names: string[] = [];
  let characters = 0;
  const reader = new FieldReader(raw);
  while (reader.next()) {
    if (reader.field !== field) throw new MalformedMessage(`field ${reader.field} stands within a list of field ${field}`);
    const name = reader.text();
    names.push(name);
    characters += name.length;
    checkBounds(names.length, characters, bounds);
  }
  return { names, characters, set: new Set(names) };
}

/** What there is more of than the bounds allow, in words; undefined when there is not. */
export function excessOf(names: number, characters: number, bounds: NameBounds): string | undefined {
  if (names > bounds.names) return `more than ${bounds.names} names`;
  return characters > bounds.nameCharacters ? `names of more than ${bounds.nameCharacters} characters together` : undefined;
}

/** Throws TooManyNames when there is more than the bounds allow. */
export function checkBounds(names: number, characters: number, bounds: NameBounds): void {
  const excess = excessOf(names, characters, bounds);
  if (excess) throw new TooManyNames(excess);
}

/** The names that one client asks for: a list that is shared with others, and the client's own differences from it. */
export class NameSet {
  /** The shared list that the set started from. */
  base: NameList = noNames;
  readonly own = new Set<string>();
  readonly #removed = new Set<string>();
  #ownCharacters = 0;

  /** The characters of all names that are kept: also of those in the shared list that were removed. */
  get characters(): number {
    return this.base.characters + this.#ownCharacters;
  }

  get size(): number {
    return this.base.set.size - this.#removed.size + this.own.size;
  }

  has(name: string): boolean {
    return this.own.has(name) || (this.base.set.has(name) && !this.#removed.has(name));
  }

  /** Starts from a shared list; only for an empty set. */
  adopt(list: NameList): void {
    this.base = list;
    this.own.clear();
    this.#ownCharacters = 0;
    this.#removed.clear();
  }

  /** Adds a name. Returns true when it stands in `own` now and did not before. */
  add(name: string): boolean {
    if (this.has(name)) return false;
    if (this.#removed.delete(name)) return false;
    this.own.add(name);
    this.#ownCharacters += name.length;
    return true;
  }

  /** Removes a name. Returns true when it stood in `own`. */
  delete(name: string): boolean {
    if (this.own.delete(name)) {
      this.#ownCharacters -= name.length;
      return true;
    }
    if (this.base.set.has(name)) this.#removed.add(name);
    return false;
  }

  *[Symbol.iterator](): Iterator<string> {
    for (const name of this.base.set) if (!this.#removed.has(name)) yield name;
    yield* this.own;
  }
}
