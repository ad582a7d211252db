/** A request by TLS to a control plane, which is known by its SPIFFE ID. */
import type { ClientRequest } from "node:http";
import { type RequestOptions, request } from "node:https";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { controlPlaneService, serviceIdentityOf } from "@legation/contract";
import { certificateUri } from "@legation/runtime/command-line";

/** Begins it; Node's errors of the connection come as its `error` event. */
export function requestSecurely(url: string, options: RequestOptions): ClientRequest {
  return request(url, { ...options, checkServerIdentity: checkControlPlane });
}

/** A certificate of Consul's CA names a service and no host: it must be the control plane's. Any other must name the host. */
function checkControlPlane(host: string, shown: PeerCertificate): Error | undefined {
  const uri = certificateUri(shown);
  const identity = uri === undefined ? undefined : serviceIdentityOf(uri);
  if (!identity) return checkServerIdentity(host, shown);
  return identity.service === controlPlaneService ? undefined : new Error(`has the certificate of ${uri}, which is no control plane's`);
}
