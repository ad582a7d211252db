/** What follows from the kind of client that a node says it is. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";

/** True for Envoys before 1.30, which forget the endpoints of a cluster that changes until they are sent again. */
export function forgetsEndpoints(node: Node): boolean {
  if (node.userAgentName !== "envoy" || node.userAgentVersionType.case !== "userAgentBuildVersion") return false;
  const version = node.userAgentVersionType.value.version;
  return version !== undefined && (version.majorNumber < 1 || (version.majorNumber === 1 && version.minorNumber < 30));
}
