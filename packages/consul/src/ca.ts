/** Consul's own CA: the roots that its mesh trusts, and the certificates that it issues to services. Names are those of Consul's HTTP API. */
import type { Answer, Consul, ReadOptions } from "./consul.js";

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
