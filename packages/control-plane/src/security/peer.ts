/** Who is at the other end of a connection to this control plane, by the certificate that it shows. */
import { type ServiceIdentity, serviceIdentityOf } from "@legation/contract";
import type { TlsPeer } from "@legation/runtime";
import type { OwnCertificate } from "./own-leaf.js";

/** The peer of a connection. */
export interface Peer {
  /** Without the port. */
  readonly address: string;
  /** True when the address is this machine's own. */
  readonly loopback: boolean;
  readonly tls: boolean;
  /** The service whose certificate it has; of this mesh, of this data centre and verified. Undefined for one that shows no certificate. */
  readonly service?: ServiceIdentity;
  /** The same as a SPIFFE ID. */
  readonly spiffeId?: string;
}

/**
 * Judges what TLS has proven. Returns a sentence for a peer that shows a certificate which proves nothing here: such a peer is refused, and not
 * taken for one without a certificate.
 */
export function identifyPeer(address: string, tls: TlsPeer | undefined, own: OwnCertificate | undefined): Peer | string {
  const host = hostOf(address);
  const base = { address: host, loopback: isLoopbackAddress(host), tls: tls !== undefined };
  if (!tls || (tls.uri === undefined && tls.problem === undefined)) return base;
  if (tls.uri === undefined) return `the certificate shown is not taken: ${tls.problem}`;
  const service = serviceIdentityOf(tls.uri);
  if (!service) return `the certificate is for ${tls.uri}, which is no service of Consul's CA`;
  if (!own) return "this control plane has no certificate itself, and cannot judge others";
  const { trustDomain, datacenter, namespace, partition } = own.identity;
  if (service.trustDomain !== trustDomain) return `the certificate is for ${tls.uri}, and the trust domain here is ${trustDomain}`;
  if (service.datacenter !== datacenter) return `the certificate is for ${tls.uri}, and the data centre here is ${datacenter}`;
  if (service.namespace !== namespace) return `the certificate is for ${tls.uri}, and the namespace here is ${namespace}`;
  if (service.partition !== partition)
    return `the certificate is for ${tls.uri}, and the admin partition here is ${partition ?? "the default one"}`;
  return { ...base, service, spiffeId: tls.uri };
}

/** True for an address of this machine alone, also where IPv6 wraps it. */
export function isLoopbackAddress(host: string): boolean {
  return host === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(host);
}

/** `host:port` without the port, as sockets write it: IPv6 hosts have no brackets there. */
export function hostOf(address: string): string {
  const end = address.lastIndexOf(":");
  return end > 0 ? address.slice(0, end) : address;
}
