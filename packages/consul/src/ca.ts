/** Consul's own CA: the roots that its mesh trusts, and the certificates that it issues to services. Names are those of Consul's HTTP API. */
import type { Answer, Consul, ReadOptions } from "./consul.js";
import { ConsulError } from "./error.js";

/** A root certificate. After a rotation Consul lists the one before as well, for as long as a leaf of it can live. */
export interface CaRoot {
  readonly ID: string;
  readonly Name: string;
  /** PEM. */
  readonly RootCert: string;
  /** PEM; certificates between the root and the leaves that it signs. */
  readonly IntermediateCerts: readonly string[] | null;
  /** True for the one that signs now. */
  readonly Active: boolean;
}

/** The roots. A CA that is not ready yet has none, and an empty `TrustDomain`. */
export interface CaRoots {
  readonly ActiveRootID: string;
  /** Such as `1f2e….consul`. */
  readonly TrustDomain: string;
  readonly Roots: readonly CaRoot[] | null;
}

/**
 * Whose answer it is, and never an empty one. Throws ConsulError `consul.bad-answer` for a CA that is still being set up, so that a watch asks
 * anew: one that took the empty answer for an answer would hear of the first root only when its query has waited to its end.
 */
export function readyRoots({ TrustDomain, Roots }: CaRoots): { readonly trustDomain: string; readonly roots: readonly CaRoot[] } {
  if (!TrustDomain || !Roots?.length) throw new ConsulError("consul.bad-answer", "Consul's CA is still being set up: it has no root yet.");
  return { trustDomain: TrustDomain.toLowerCase(), roots: Roots };
}

/**
 * How long a watch of the CA waits when it is not answered. A Consul that comes back empty has another CA, and who knows only the one before
 * is cut off from those that start then: no long waits.
 */
export const caBackoff = { base: 500, max: 5_000 } as const;

/** A certificate for a service, with its private key: keep it out of every log. Times are RFC 3339. */
export interface CaLeaf {
  readonly SerialNumber: string;
  /** PEM: the leaf, and behind it what lies between it and its root. */
  readonly CertPEM: string;
  readonly PrivateKeyPEM: string;
  readonly Service: string;
  /** The SPIFFE ID. */
  readonly ServiceURI: string;
  readonly ValidAfter: string;
  readonly ValidBefore: string;
}

/**
 * The CA as Consul's agent serves it, by blocking queries where an index is given. Both throw ConsulError `consul.no-connect` where Connect is
 * not enabled.
 */
export interface CaApi {
  /** Needs no ACL rule. */
  roots(options?: ReadOptions): Promise<Answer<CaRoots>>;
  /**
   * The service's leaf; needs `service:write` on its name, which need not be registered. Consul's agent holds one leaf for each service and token
   * and renews it: without an index it answers at once, with a new leaf where the one it holds is due or its root signs no more.
   */
  leaf(service: string, options?: ReadOptions): Promise<Answer<CaLeaf>>;
}

/** Makes the CA's API over a client. */
export function createCaApi(consul: Pick<Consul, "get">): CaApi {
  return {
    roots: (options) => consul.get<CaRoots>("/agent/connect/ca/roots", options),
    leaf: (service, options) => consul.get<CaLeaf>(`/agent/connect/ca/leaf/${encodeURIComponent(service)}`, options),
  };
}
