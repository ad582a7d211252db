/** Whose certificates count: the trust domain of Consul's CA, and where its services live. */
import { type ServiceIdentity, spiffeId } from "@legation/contract";

/** What Consul's CA says of itself, as far as SPIFFE IDs depend on it. */
export interface Trust {
  /** In lower case, such as `11111111-2222-3333-4444-555555555555.consul`. */
  readonly trustDomain: string;
  readonly datacenter: string;
}

/** Where Consul's community edition puts every service. */
const communityNamespace: ServiceIdentity["namespace"] = "default";

/** The one SPIFFE ID by which a service of this mesh may answer. */
export function spiffeIdOf({ trustDomain, datacenter }: Trust, service: string, namespace = communityNamespace): string {
  return spiffeId({ trustDomain, namespace, datacenter, service });
}

/** What the SPIFFE IDs of this trust domain begin with, and those of no other. */
export function spiffePrefix({ trustDomain }: Trust): string {
  return `spiffe://${trustDomain}/`;
}
