/** Who a client says that it is: read from its first request, within bounds, and what follows from it. */
import { fromBinary } from "@bufbuild/protobuf";
import { type Node, NodeSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { FieldReader } from "./wire.js";

/**
 * True for Envoys: the new form of a cluster that changes warms until its endpoints are sent again. Envoys before 1.30 wait for ever; those
 * since take the endpoints that they had, but only when `initial_fetch_timeout` (15 s) is over, and acknowledge no cluster before.
 */
export function forgetsEndpoints(node: Node): boolean {
  return node.userAgentName === "envoy";
}

/** Characters of a node's id at most: it stands in every event and log line about its stream. */
const idLength = 1_024;

/** Bytes of an encoded node at most: decoded, it is kept as long as its stream, and takes many times as much. */
export const nodeBytes = 1024 * 1024;

/**
 * Reads the encoded node of a call's first request, without its list of extensions, which is most of its size; or says why there is none to
 * speak to. Throws on malformed bytes.
 */
export function readNode(bytes: Buffer | undefined): { readonly node: Node } | { readonly fault: string } {
  if (!bytes) return { fault: "the first request must carry the node" };
  if (bytes.length > nodeBytes) return { fault: `the node has more than ${nodeBytes} bytes` };
  const node = fromBinary(NodeSchema, bytes, { readUnknownFields: false });
  if (node.id === "") return { fault: "the node's id is empty" };
  if (node.id.length > idLength) return { fault: `the node's id has more than ${idLength} characters` };
  node.extensions = [];
  return { node };
}

/** The id in an encoded node, without decoding the rest. */
export function nodeId(bytes: Buffer): string {
  const reader = new FieldReader(bytes);
  while (reader.next()) if (reader.field === 1) return reader.text();
  return "";
}
