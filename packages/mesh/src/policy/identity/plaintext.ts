/** What an instance's registration says of TLS, and when its Envoy may stop to answer plain text. */
import type { IdentityMode } from "@legation/contract";
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
