/** A compiled Envoy message: named, versioned by its content, with what it came from. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { encode, typeUrl } from "@legation/envoy-api";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** Where a resource came from, so that a refusal can be told in the words of its author. */
export interface Provenance {
  readonly service: string;
  /** `catalog`, `default`, or the path of a policy. */
  readonly source: string;
  /** The policies that have a say in it, as `Kind/name`. */
  readonly policies?: readonly string[];
  /** The part of that source, where it is more than the whole. */
  readonly path?: string;
}

/** Where a resource came from. `policies` are left out where none has a say. */
export function provenance(service: string, source: string, policies: readonly string[]): Provenance {
  return { service, source, ...(policies.length > 0 ? { policies } : {}) };
}

/** One Envoy message. Immutable: `bytes` are shared by everyone who holds it. */
export interface MeshResource {
  readonly typeUrl: string;
  readonly name: string;
  /** The first 16 hexadecimal digits of the SHA-256 of `bytes`: equal content has an equal version on every replica. */
  readonly version: string;
  /** The message as the value of its Any. */
  readonly bytes: Uint8Array;
  readonly provenance: Provenance;
}

/** Encodes a message into a resource. */
export function resource<T extends DescMessage>(schema: T, name: string, message: MessageShape<T>, provenance: Provenance): MeshResource {
  const bytes = encode(schema, message);
  return { typeUrl: typeUrl(schema), name, version: contentVersion(bytes), bytes, provenance };
}

/** The version of content: the first 16 hexadecimal digits of its SHA-256. */
export function contentVersion(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes)).slice(0, 16);
}
