/** Who a workload is, how strictly that is asked for, and where its certificate lies. */

/**
 * How connections to a service are made. `off`: in plain text. `permissive`: its Envoy takes plain text and mutual TLS, and callers use
 * TLS where the instance takes it. `strict`: mutual TLS alone.
 */
export const identityModes = ["off", "permissive", "strict"] as const;
/** One of `identityModes`. */
export type IdentityMode = (typeof identityModes)[number];

/**
 * What an instance says in its registration of mutual TLS. `accepted`: its Envoy takes it beside plain text, which its agent has tried.
 * `required`: every caller has been seen to use it, so that plain text may be refused.
 */
export const tlsStates = ["accepted", "required"] as const;
/** One of `tlsStates`. */
export type TlsState = (typeof tlsStates)[number];

/** The identity of a service as Consul's CA writes it into a certificate. */
export interface ServiceIdentity {
  readonly trustDomain: string;
  /** Absent for the default one, and in Consul's community edition. */
  readonly partition?: string;
  /** `default` in Consul's community edition. */
  readonly namespace: string;
  readonly datacenter: string;
  readonly service: string;
}

/** The SPIFFE ID of a service, in the form of Consul's CA (`agent/connect/uri_service.go`). */
export function spiffeId({ trustDomain, partition, namespace, datacenter, service }: ServiceIdentity): string {
  const [ns, dc, svc] = [namespace, datacenter, service].map(encodeURIComponent);
  const ap = partition === undefined ? "" : `ap/${encodeURIComponent(partition)}/`;
  return `spiffe://${trustDomain}/${ap}ns/${ns}/dc/${dc}/svc/${svc}`;
}

const serviceUri = /^spiffe:\/\/([^/?#]+)\/(?:ap\/([^/?#]+)\/)?ns\/([^/?#]+)\/dc\/([^/?#]+)\/svc\/([^/?#]+)$/;

/** Reads a SPIFFE ID. Undefined for one that names no service in Consul's form. */
export function serviceIdentityOf(uri: string): ServiceIdentity | undefined {
  const [, trustDomain, partition, namespace, datacenter, service] = serviceUri.exec(uri) ?? [];
  if (!trustDomain || !namespace || !datacenter || !service) return undefined;
  try {
    return {
      trustDomain: trustDomain.toLowerCase(),
      ...(partition === undefined ? {} : { partition: decodeURIComponent(partition) }),
      namespace: decodeURIComponent(namespace),
      datacenter: decodeURIComponent(datacenter),
      service: decodeURIComponent(service),
    };
  } catch {
    return undefined;
  }
}

/**
 * The files of a certificate in the directory that `NodeMetadata.certificates` names: PEM, replaced by renaming a new version into place.
 * `leafSecret` and `rootsSecret` are the same for Envoy's bootstrap (SDS resources in JSON that point to the PEM files).
 */
export const certificateFiles = {
  leaf: "leaf.pem",
  key: "leaf.key",
  roots: "roots.pem",
  leafSecret: "leaf.sds.json",
  rootsSecret: "roots.sds.json",
} as const;

/** The names of the secrets by which an Envoy's listeners and clusters refer to its certificate and to the roots it trusts. */
export const secretNames = { leaf: "leaf", roots: "roots" } as const;

/** Tells an agent which mode holds for its service: once when its stream opens, and at every change. Comes on `commandsPath`. */
export interface IdentityOrder {
  readonly kind: "identity";
  readonly mode: IdentityMode;
}
