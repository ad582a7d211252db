/** The registry of every generated message, with which any resource prints as JSON with each Any expanded. */
import {
  createRegistry,
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  toJson as messageToJson,
  type Registry,
} from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { files } from "./gen/files.js";

/** All message types of the roots in proto/roots.txt and of everything that they import, with the well-known types. */
export const registry: Registry = createRegistry(
  ...files,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
);

/** Canonical proto JSON with every Any expanded. Throws when an Any holds a type outside the registry. */
export function toJson<T extends DescMessage>(schema: T, message: MessageShape<T>): JsonValue {
  return messageToJson(schema, message, { registry });
}

/** Reads canonical proto JSON, Any included. Throws with the path of what it does not understand. */
export function parseJson<T extends DescMessage>(schema: T, json: JsonValue): MessageShape<T> {
  return fromJson(schema, json, { registry });
}
