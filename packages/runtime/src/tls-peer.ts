/** Who is at the other end of a connection, as far as TLS has proven it. */
import type { Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";
import { certificateUri } from "./certificate-uri.js";

/** What a TLS connection says of its peer; nothing where none showed a certificate. */
export interface TlsPeer {
  /** The only URI in the peer's verified certificate: its SPIFFE ID (X.509-SVID, section 2). */
  readonly uri?: string;
  /** Why the certificate that was shown proves nothing; undefined where it does, or none was shown. */
  readonly problem?: string;
}

/** Reads it from a connection whose handshake is done; undefined for plain text. */
export function tlsPeer(socket: Socket): TlsPeer | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerCertificate() as PeerCertificate | undefined;
  if (!certificate?.raw) return {};
  if (!socket.authorized) return { problem: reasonOf(socket.authorizationError) };
  const uri = certificateUri(certificate);
  return uri === undefined ? { problem: "it names no single URI" } : { uri };
}

/** `checkServerIdentity` of `node:tls` for servers known by their URI: the error names who answers instead of `whom`, such as "a control plane's". */
export function mustHaveUri(uri: string, whom: string): (host: string, shown: PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const shown = certificateUri(certificate);
    return shown === uri ? undefined : new Error(`has the certificate of ${shown ?? "nobody"} instead of ${whom}`);
  };
}

/** OpenSSL's codes in words. */
function reasonOf(error: Error | string | undefined): string {
  const code = typeof error === "string" ? error : (error?.message ?? "");
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "it has expired";
    case "CERT_NOT_YET_VALID":
      return "it is not valid yet";
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "CERT_SIGNATURE_FAILURE":
      return "no trusted root has signed it";
    default:
      return `it cannot be verified (${code})`;
  }
}
