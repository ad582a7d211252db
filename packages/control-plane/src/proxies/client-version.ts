/** The version that a client of xDS says of itself. */
import type { StreamStatus } from "@legation/xds";

/** `1.40.0` of an Envoy; the version's text of another client; null when it says none. */
export function versionOfClient(node: StreamStatus["description"]): string | null {
  const said = node?.userAgentVersionType;
  if (said?.case === "userAgentVersion") return said.value;
  if (said?.case !== "userAgentBuildVersion" || !said.value.version) return null;
  const { majorNumber, minorNumber, patch } = said.value.version;
  return `${majorNumber}.${minorNumber}.${patch}`;
}
