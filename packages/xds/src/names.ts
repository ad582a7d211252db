/** Lists of resource names as clients send them, decoded once for all clients that send the same bytes. */
import { FieldReader, MalformedMessage } from "./wire.js";

/** The names of one repeated field. Shared and never changed; equal bytes give the same object. */
export interface NameList {
  readonly names: readonly string[];
}

/** The list without names. */
export const noNames: NameList = { names: [] };

interface Known extends NameList {
  readonly raw: Buffer;
}

/** Decodes name lists, and remembers those that came last: comparing bytes is a hundred times quicker than decoding. */
export class NameLists {
  readonly #byLength = new Map<number, Known[]>();
  #count = 0;

  /** Lists shorter than this many bytes are decoded each time. */
  static readonly rememberFrom = 256;
  /** So many lists are remembered; then all are forgotten. */
  static readonly capacity = 512;

  /** The names in `raw`, a run of fields of which those with number `field` are names. Throws MalformedMessage. */
  decode(raw: Buffer, field: number): NameList {
    if (raw.length === 0) return noNames;
    if (raw.length < NameLists.rememberFrom) return { names: decodeNames(raw, field) };
    const candidates = this.#byLength.get(raw.length) ?? [];
    for (const known of candidates) if (known.raw.equals(raw)) return known;
    const list: Known = { names: decodeNames(raw, field), raw: Buffer.from(raw) };
    if (this.#count >= NameLists.capacity) {
      this.#byLength.clear();
      this.#count = 0;
    }
    this.#count += 1;
    candidates.push(list);
    this.#byLength.set(raw.length, candidates);
    return list;
  }
}

function decodeNames(raw: Buffer, field: number): readonly string[] {
  const names: string[] = [];
  const reader = new FieldReader(raw);
  while (reader.next()) {
    if (reader.field !== field) throw new MalformedMessage(`field ${reader.field} stands within a list of field ${field}`);
    names.push(reader.text());
  }
  return names;
}
