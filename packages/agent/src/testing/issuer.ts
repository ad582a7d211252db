/** A CA as Consul's agent serves it, for tests: leaves of any life. */
import { spiffeId } from "@legation/contract";
import { createTestAuthority } from "@legation/runtime/testing";
import type { LeafPems } from "../identity/certificate.js";

/** A root and what it signs. */
export interface Issuer {
  /** PEM. */
  readonly root: string;
  /** A new key, and a leaf for a service that is valid from one moment to the other; milliseconds since the epoch. */
  leaf(service: string, from: number, until: number): LeafPems;
}

/** The trust domain of all leaves. */
export const trustDomain = "11111111-2222-3333-4444-555555555555.consul";

/** Makes one with a root of its own. */
export function createIssuer(): Issuer {
  const authority = createTestAuthority();
  return {
    root: authority.ca,
    leaf(service, from, until) {
      const id = spiffeId({ trustDomain, namespace: "default", datacenter: "dc1", service });
      const { cert, key } = authority.issue([id], { from, until });
      return { chain: cert, key };
    },
  };
}
