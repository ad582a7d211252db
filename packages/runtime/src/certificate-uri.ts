/** The identity that a certificate names. */
import type { PeerCertificate } from "node:tls";

/** The only URI among the names of a certificate; undefined when there is none, or more than one. */
export function certificateUri({ subjectaltname = "" }: Pick<PeerCertificate, "subjectaltname">): string | undefined {
  // Names in which a separator stands are quoted by Node; no SPIFFE ID has one.
  if (subjectaltname.includes('"')) return undefined;
  const uris = subjectaltname.split(", ").filter((name) => name.startsWith("URI:"));
  return uris.length === 1 ? uris[0]?.slice(4) : undefined;
}
