/** What follows from what a client says of itself. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";

/** True for Envoys before 1.30, which forget the endpoints of a cluster that changes until they are sent again. */
export function forgetsEndpoints(node: Node): boolean {
  if (node.userAgentName !== "envoy" || node.userAgentVersionType.case !== "userAgentBuildVersion") return false;
  const version = node.userAgentVersionType.value.version;
  return version !== undefined && (version.majorNumber < 1 || (version.majorNumber === 1 && version.minorNumber < 30));
}

/** Characters of a node's id at most: it stands in every event and log line about its stream. */
const idLength = 1_024;

/** Bytes of an encoded node at most: decoded, it is kept as long as its stream, and takes many times as much. */
export const nodeBytes = 1024 * 1024;

/** What is wrong with an encoded node, before it is decoded; undefined when nothing is. */
export function nodeExcess(bytes: Uint8Array): string | undefined {
  return bytes.length > nodeBytes ? `the node has more than ${nodeBytes} bytes` : undefined;
}

/** What is wrong with a node as an identity; undefined when nothing is. */
export function nodeFault({ id }: Node): string | undefined {
  if (id === "") return "the node's id is empty";
  return id.length > idLength ? `the node's id has more than ${idLength} characters` : undefined;
}
