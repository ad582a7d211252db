/** Encoded responses, built once for every stream that is owed the same resources. */
import { createHash } from "node:crypto";
import type { Resource } from "./resource.js";
import { lengthDelimited, stringField } from "./wire.js";

/** Which variant of the protocol a stream speaks. */
export type Variant = "delta" | "sotw";

/** One response with gRPC's five-byte header in front, ready to be written to any number of streams. Never changed. */
export interface Frame {
  /** Grows with each frame of a server: what makes the nonces of a stream unique, as long as it is sent growing ones. */
  readonly serial: number;
  readonly nonce: string;
  /** `version_info` or `system_version_info`. */
  readonly version: string;
  readonly bytes: Buffer;
}

/** What a response says. */
export interface Answer {
  readonly variant: Variant;
  readonly typeUrl: string;
  readonly resources: readonly Resource[];
  /** Delta only. */
  readonly removed: readonly string[];
  /** Names that are answered by a resource without content; delta only. Undefined unless the type is asked for by alias. */
  readonly empty?: readonly string[] | undefined;
  /** Passed through instead of the content's own digest. */
  readonly version?: string | undefined;
}

interface Entry {
  readonly answer: Answer;
  frame: Frame;
}

/** What an entry takes beyond its frame, about. */
const bytesPerEntry = 512;

/** The frames that were sent last, found again by the list of resources in them. */
export class FrameCache {
  readonly #entries = new Map<number | string, Entry[]>();
  readonly #parts = new WeakMap<Resource, { id: number; delta?: Buffer; sotw?: Buffer }>();
  /** Long lists that are one array for many streams, so that not even the list has to be compared. */
  readonly #shared = new WeakMap<readonly Resource[], Entry>();
  #bytes = 0;
  #serial = 0;
  #ids = 0;

  /**
   * `capacity` bounds the bytes that are kept; when it is exceeded all are forgotten. `identifier` names the server in
   * each response.
   */
  constructor(
    private readonly capacity: number,
    private readonly identifier: string,
  ) {}

  /**
   * The frame for an answer, with a serial above `after`: so a stream that passes its last serial is never sent the same
   * nonce twice, and streams in the same state share one buffer.
   */
  frame(answer: Answer, after: number): Frame {
    const shared = answer.removed.length === 0 && !answer.empty ? this.#shared.get(answer.resources) : undefined;
    if (shared && shared.answer.variant === answer.variant && shared.answer.version === answer.version) return this.#after(shared, after);
    const key = this.#key(answer);
    const entry = this.#entries.get(key)?.find((e) => sameAnswer(e.answer, answer));
    if (entry) return this.#after(entry, after);
    const frame = this.#build(answer);
    const cost = frame.bytes.length + bytesPerEntry + (typeof key === "string" ? key.length : 0);
    if (this.#bytes + cost > this.capacity) {
      this.#entries.clear();
      this.#bytes = 0;
    }
    this.#bytes += cost;
    const fresh: Entry = { answer, frame };
    const sameKey = this.#entries.get(key);
    if (sameKey) sameKey.push(fresh);
    else this.#entries.set(key, [fresh]);
    if (answer.removed.length === 0 && !answer.empty && answer.resources.length > 32) this.#shared.set(answer.resources, fresh);
    return frame;
  }

  /** Forgets every frame. */
  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #after(entry: Entry, after: number): Frame {
    if (entry.frame.serial <= after) entry.frame = this.#build(entry.answer);
    return entry.frame;
  }

  #build(answer: Answer): Frame {
    const delta = answer.variant === "delta";
    const serial = ++this.#serial;
    const nonce = serial.toString(36);
    const version = answer.version ?? (delta ? "" : digest(answer.resources));
    const parts: Buffer[] = [Buffer.alloc(5), stringField(1, version)];
    for (const resource of answer.resources) parts.push(answer.empty ? aliasedPart(resource) : this.#part(resource, answer.variant));
    for (const name of answer.empty ?? [])
      parts.push(lengthDelimited(2, stringField(3, name), lengthDelimited(4, Buffer.from(name, "utf8"))));
    parts.push(stringField(4, answer.typeUrl), stringField(5, nonce));
    if (delta) for (const name of answer.removed) parts.push(lengthDelimited(6, Buffer.from(name, "utf8")));
    if (this.identifier) parts.push(lengthDelimited(delta ? 7 : 6, stringField(1, this.identifier)));
    const bytes = Buffer.concat(parts);
    bytes.writeUInt32BE(bytes.length - 5, 1);
    return { serial, nonce, version, bytes };
  }

  #part(resource: Resource, variant: Variant): Buffer {
    const known = this.#known(resource);
    if (variant === "delta") {
      known.delta ??= lengthDelimited(
        2,
        stringField(1, resource.version),
        lengthDelimited(2, any(resource)),
        stringField(3, resource.name),
      );
      return known.delta;
    }
    known.sotw ??= lengthDelimited(2, any(resource));
    return known.sotw;
  }

  #known(resource: Resource): { id: number; delta?: Buffer; sotw?: Buffer } {
    let known = this.#parts.get(resource);
    if (!known) {
      known = { id: ++this.#ids };
      this.#parts.set(resource, known);
    }
    return known;
  }

  /** Where an answer is found: by its resources, and by the very names that are gone or absent, which clients may choose. */
  #key(answer: Answer): number | string {
    let hash = answer.variant === "delta" ? 17 : 23;
    for (const resource of answer.resources) hash = (Math.imul(hash, 31) + this.#known(resource).id) | 0;
    const { removed, empty } = answer;
    return removed.length === 0 && !empty ? hash : `${hash} ${removed.join("\n")} ${empty?.join("\n") ?? ""}`;
  }
}

/** The digest of a list of resources: equal on every replica for equal lists. */
export function digest(resources: readonly Resource[]): string {
  const hash = createHash("sha256");
  for (const { name, version } of resources) hash.update(`${name}\0${version}\0`);
  return hash.digest("base64url").slice(0, 16);
}

function aliasedPart(resource: Resource): Buffer {
  const name = Buffer.from(resource.name, "utf8");
  return lengthDelimited(
    2,
    stringField(1, resource.version),
    lengthDelimited(2, any(resource)),
    lengthDelimited(3, name),
    lengthDelimited(4, name),
  );
}

function any(resource: Resource): Buffer {
  return Buffer.concat([
    stringField(1, resource.typeUrl),
    resource.bytes.length > 0 ? lengthDelimited(2, resource.bytes) : Buffer.alloc(0),
  ]);
}

function sameAnswer(a: Answer, b: Answer): boolean {
  return (
    a.variant === b.variant &&
    a.typeUrl === b.typeUrl &&
    a.version === b.version &&
    (a.resources === b.resources || sameList(a.resources, b.resources)) &&
    sameList(a.removed, b.removed) &&
    sameList(a.empty ?? [], b.empty ?? [])
  );
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
