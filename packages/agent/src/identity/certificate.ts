/** A leaf certificate as the agent sees it: whose it is, how long it is valid, which root signed it. Pure; PEM comes in, no key goes out. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { certificateUri, LegationError, messageOf } from "@legation/runtime";

/** What a leaf says. Times are milliseconds since the epoch. */
export interface LeafFacts {
  readonly spiffeId: string;
  /** SHA-256; tells two leaves apart, which a serial number does not: every CA counts from the beginning. */
  readonly fingerprint: string;
  /** In hexadecimal. */
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A leaf with its private key and what lies between it and its root, in PEM. */
export interface LeafPems {
  readonly chain: string;
  readonly key: string;
}

/**
 * Reads a leaf, and checks that the key is its own. Throws LegationError "identity.broken" otherwise; nothing of the key is in the message.
 */
export function readLeaf({ chain, key }: LeafPems): LeafFacts {
  const [leaf] = certificatesOf(chain);
  if (!leaf) throw broken("it has no certificate");
  let own: boolean;
  try {
    own = leaf.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw broken("its private key cannot be read");
  }
  if (!own) throw broken("its private key is another certificate's");
  const spiffeId = certificateUri({ subjectaltname: leaf.subjectAltName ?? "" });
  if (!spiffeId?.startsWith("spiffe://")) throw broken("it names no SPIFFE ID");
  return {
    spiffeId,
    fingerprint: leaf.fingerprint256,
    serial: leaf.serialNumber.toLowerCase(),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
  };
}

/**
 * The id of the root that a chain leads to, the one that signed it directly before those over a cross-signed one; undefined when there is none.
 * Consul names a root by the same SHA-1 fingerprint.
 */
export function rootOf(chain: string, roots: readonly string[]): string | undefined {
  const trusted = roots.flatMap(certificatesOf);
  const [leaf, ...between] = certificatesOf(chain);
  const seen = new Set<X509Certificate>();
  for (let link = leaf; link && !seen.has(link); ) {
    const child: X509Certificate = link;
    seen.add(child);
    const root = trusted.find((candidate) => signed(candidate, child));
    if (root) return root.fingerprint.toLowerCase();
    link = between.find((candidate) => !seen.has(candidate) && signed(candidate, child));
  }
  return undefined;
}

/** The texts of the certificates in a PEM file, in its order. */
export function certificateBlocks(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** The certificates of a PEM file, in its order. Throws LegationError "identity.broken" for one that cannot be read. */
export function certificatesOf(pem: string): X509Certificate[] {
  return certificateBlocks(pem).map((block) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw broken(`a certificate cannot be read (${messageOf(error)})`);
    }
  });
}

function signed(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function broken(what: string): LegationError {
  return new LegationError("identity.broken", `the certificate cannot be used: ${what}`);
}
