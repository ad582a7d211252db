/** Packing Envoy messages into `google.protobuf.Any` and back, typed by the message's schema. */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { registry } from "./registry.js";

/** The type URL of a message, `type.googleapis.com/<full name>`, as xDS spells it. */
export function typeUrl(schema: DescMessage): string {
  return `type.googleapis.com/${schema.typeName}`;
}

/** Encodes a message into an Any. The bytes are equal for equal messages built in the same order. */
export function packAny<T extends DescMessage>(schema: T, message: MessageShape<T>): Any {
  return anyPack(schema, message);
}

/** Decodes an Any that must hold `schema`. Throws a TypeError that names both types when it holds another. */
export function unpackAny<T extends DescMessage>(schema: T, any: Any): MessageShape<T> {
  const message = anyUnpack(any, schema);
  if (!message) throw new TypeError(`expected an Any of ${typeUrl(schema)}, got ${any.typeUrl || "an empty one"}`);
  return message;
}

/** Encodes a message to the bytes of its Any's value. */
export function encode<T extends DescMessage>(schema: T, message: MessageShape<T>): Uint8Array {
  return toBinary(schema, message);
}

/** Decodes bytes by type URL with the registry. Throws when the type is not among the generated ones. */
export function decode(url: string, bytes: Uint8Array): MessageShape<DescMessage> {
  const schema = registry.getMessage(url.slice(url.lastIndexOf("/") + 1));
  if (!schema) throw new TypeError(`no message type ${url} in the registry: add its file to proto/roots.txt`);
  return fromBinary(schema, bytes);
}
