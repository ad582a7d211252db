/** Which policies a refused resource comes from, as precisely as it is known. */
import type { Provenance } from "@legation/mesh";
import type { RejectedStatus } from "@legation/xds";
import { blameText } from "../quarantine/blame.js";
import type { RefusedContent } from "../quarantine/refused-content.js";

/** The fields that are to blame, as the quarantine found them; else the documents that have a say in the resource. */
export function policiesBehind(typeUrl: string, rejected: RejectedStatus, quarantined: readonly RefusedContent[]): readonly string[] {
  const same = (content: RefusedContent): boolean =>
    content.typeUrl === typeUrl && (content.part || (content.name === rejected.name && content.version === rejected.version));
  const blamed = quarantined.filter(same).flatMap(({ blame }) => blame.map(blameText));
  if (blamed.length > 0) return [...new Set(blamed)];
  return (rejected.provenance as Provenance | undefined)?.policies ?? [];
}
