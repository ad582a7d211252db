/** Who calls the API, in words that may be shown and logged: never with a secret. */
import { originOf } from "./origin.js";

/** The caller of one request. */
export interface Caller {
  /**
   * `token`: by an ACL token. `service`: by the certificate of a service. `anonymous`: shows neither. `open`: Consul uses no ACLs, so
   * that nobody is asked.
   */
  readonly kind: "token" | "service" | "anonymous" | "open";
  /** The public ID of the token, where Consul says it. */
  readonly accessor?: string;
  /** The token's description. */
  readonly name?: string;
  readonly spiffeId?: string;
  /** The address that the request comes from, without the port. */
  readonly address: string;
}

/** The caller in a few words. */
export function nameOfCaller({ kind, accessor, name, spiffeId, address }: Caller): string {
  if (kind === "service") return spiffeId ?? "a service";
  if (kind === "token") return `token ${accessor ?? "with an unknown accessor"}${name ? ` (${name})` : ""}`;
  return `${kind === "anonymous" ? "nobody in particular" : "somebody"} at ${address}`;
}

/** What tells one caller from another, where they are counted; addresses by `originOf`. */
export function keyOfCaller({ kind, accessor, spiffeId, address }: Caller): string {
  return accessor ?? spiffeId ?? `${kind} ${originOf(address)}`;
}
