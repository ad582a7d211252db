/** Discovery requests, decoded by hand so that the long lists in them cost nothing when they have not changed. */
import { excerpt, refusalLength } from "./excerpt.js";
import type { Variant } from "./frame.js";
import { checkBounds, type NameList, type NameLists, noNames, TooManyNames } from "./names.js";
import { FieldReader } from "./wire.js";

/** What both variants of a request share. */
interface AnyRequest {
  readonly typeUrl: string;
  readonly nonce: string;
  /** The encoded node, undefined when the request has none. */
  readonly node: Buffer | undefined;
  /** The text of `error_detail`, cut to what is kept of it; undefined when the request is no refusal. */
  readonly error: string | undefined;
}

/** A DiscoveryRequest: the whole subscription each time. */
export interface SotwRequest extends AnyRequest {
  readonly version: string;
  readonly names: NameList;
}

/** A DeltaDiscoveryRequest: what the subscription gains and loses. */
export interface DeltaRequest extends AnyRequest {
  readonly subscribe: NameList;
  readonly unsubscribe: NameList;
  readonly initialVersions: ReadonlyMap<string, string>;
}

const noVersions: ReadonlyMap<string, string> = new Map();

/** Decodes a request of either variant, or says what there is too much of in it. Throws MalformedMessage. */
export function decodeRequest(variant: Variant, bytes: Buffer, lists: NameLists): SotwRequest | DeltaRequest | { readonly excess: string } {
  try {
    return variant === "delta" ? decodeDeltaRequest(bytes, lists) : decodeSotwRequest(bytes, lists);
  } catch (error) {
    if (error instanceof TooManyNames) return { excess: error.message };
    throw error;
  }
}

function decodeSotwRequest(bytes: Buffer, lists: NameLists): SotwRequest {
  const reader = new FieldReader(bytes);
  const names = new NameRuns(3);
  let [version, typeUrl, nonce] = ["", "", ""];
  let node: Buffer | undefined;
  let error: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) version = reader.text();
    else if (reader.field === 2) node = reader.value();
    else if (reader.field === 3) names.add(reader);
    else if (reader.field === 4) typeUrl = reader.text();
    else if (reader.field === 5) nonce = reader.text();
    else if (reader.field === 6) error = decodeStatus(reader.value());
  }
  checkBounds(0, version.length, lists.bounds);
  return { version, typeUrl, nonce, node, error, names: names.decode(bytes, lists) };
}

function decodeDeltaRequest(bytes: Buffer, lists: NameLists): DeltaRequest {
  const reader = new FieldReader(bytes);
  const subscribe = new NameRuns(3);
  const unsubscribe = new NameRuns(4);
  let versions: Map<string, string> | undefined;
  let characters = 0;
  let [typeUrl, nonce] = ["", ""];
  let node: Buffer | undefined;
  let error: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) node = reader.value();
    else if (reader.field === 2) typeUrl = reader.text();
    else if (reader.field === 3) subscribe.add(reader);
    else if (reader.field === 4) unsubscribe.add(reader);
    else if (reader.field === 5) {
      versions ??= new Map();
      const [name, version] = decodeEntry(reader.value());
      versions.set(name, version);
      characters += name.length + version.length;
      checkBounds(versions.size, characters, lists.bounds);
    } else if (reader.field === 6) nonce = reader.text();
    else if (reader.field === 7) error = decodeStatus(reader.value());
  }
  return {
    typeUrl,
    nonce,
    node,
    error,
    subscribe: subscribe.decode(bytes, lists),
    unsubscribe: unsubscribe.decode(bytes, lists),
    initialVersions: versions ?? noVersions,
  };
}

/** The run of fields in which a repeated field stands; encoders write it in one piece, others are copied together. */
class NameRuns {
  #start = -1;
  #end = -1;
  #pieces: Buffer[] | undefined;

  constructor(private readonly field: number) {}

  add(reader: FieldReader): void {
    if (this.#start < 0) [this.#start, this.#end] = [reader.start, reader.position];
    else if (!this.#pieces && this.#end === reader.start) this.#end = reader.position;
    else {
      this.#pieces ??= [reader.bytes.subarray(this.#start, this.#end)];
      this.#pieces.push(reader.bytes.subarray(reader.start, reader.position));
    }
  }

  decode(bytes: Buffer, lists: NameLists): NameList {
    if (this.#start < 0) return noNames;
    return lists.decode(this.#pieces ? Buffer.concat(this.#pieces) : bytes.subarray(this.#start, this.#end), this.field);
  }
}

function decodeStatus(bytes: Buffer): string {
  const reader = new FieldReader(bytes);
  let [code, message] = [0, ""];
  while (reader.next()) {
    if (reader.field === 1) code = reader.number();
    else if (reader.field === 2) {
      // So many bytes hold more characters than are kept.
      message = excerpt(reader.value().toString("utf8", 0, Math.min(reader.value().length, 4 * refusalLength + 4)), refusalLength);
    }
  }
  return message || `the client gave no text (status ${code})`;
}

function decodeEntry(bytes: Buffer): [string, string] {
  const reader = new FieldReader(bytes);
  let [key, value] = ["", ""];
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) value = reader.text();
  }
  return [key, value];
}
