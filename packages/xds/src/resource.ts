/** A resource: one Envoy message with its name, its version and the bytes that every stream shares. */
import { createHash } from "node:crypto";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";

/** One named message, encoded once. Never changed after it was given to a cache. */
export interface Resource {
  readonly typeUrl: string;
  readonly name: string;
  /** Equal for equal content, across restarts and replicas: a reconnecting client is sent only what differs. */
  readonly version: string;
  /** The encoded message, as it stands in the value of an Any. */
  readonly bytes: Uint8Array;
  /** Whatever the caller wants to see again in events about this resource; the server does not look at it. */
  readonly provenance?: unknown;
}

/** The content hash that serves as a version: 96 bits of SHA-256, base64url. */
export function contentVersion(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url").slice(0, 16);
}

/** Encodes a message into a resource whose version is the hash of its bytes. */
export function createResource<T extends DescMessage>(schema: T, name: string, message: MessageShape<T>, provenance?: unknown): Resource {
  const bytes = toBinary(schema, message);
  return {
    typeUrl: `type.googleapis.com/${schema.typeName}`,
    name,
    version: contentVersion(bytes),
    bytes,
    ...(provenance === undefined ? {} : { provenance }),
  };
}

/** True when a client that holds `a` needs nothing to hold `b`. An equal version with other bytes is a change. */
export function sameContent(a: Resource, b: Resource): boolean {
  return a === b || (a.version === b.version && Buffer.compare(a.bytes, b.bytes) === 0);
}
