/** What an instance's registration says of TLS, and by which of the two ways its Envoy answers. */
import type { IdentityMode, Protocol } from "@legation/contract";
import { type Instance, metaOf } from "../../catalog/instance.js";

/** True for an instance that callers reach at its Envoy, and whose agent says that this one takes mutual TLS. */
export function takesMutualTls(instance: Instance): boolean {
  return instance.mesh !== undefined && metaOf(instance).tls !== undefined;
}

/**
 * Whether an instance's Envoy answers plain text: always but in `strict`. There too as long as its registration does not say that TLS is
 * required, because somebody may still call it so. One that the catalog does not have has no callers yet, and begins without.
 */
export function answersPlaintext(mode: IdentityMode, registered: Instance | undefined): boolean {
  return mode !== "strict" || (registered !== undefined && metaOf(registered).tls !== "required");
}

/**
 * Whether the Envoy of an instance with a certificate answers mutual TLS. To tell it from plain text Envoy waits for a client's first bytes,
 * which costs every client of a `tcp` service that lets the server speak first. In `off` it is therefore left out there, as soon as the
 * registration sends no caller to it any more.
 */
export function answersTls(mode: IdentityMode, protocol: Protocol, registered: Instance | undefined): boolean {
  return protocol !== "tcp" || mode !== "off" || (registered !== undefined && metaOf(registered).tls !== undefined);
}
