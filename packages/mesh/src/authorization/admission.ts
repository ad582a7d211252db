/** Which callers a TLS handshake may let in already: for TCP, where a server may speak before rules can see the caller's first bytes. */

import { spiffeIdOf, type Trust } from "../policy/identity/trust.js";
import type { AuthorizationInput } from "./compile-authorization.js";
import { covers, defaultNamespace, effectOf, intentionsTo, type ServiceMatch, wildcard } from "./intention.js";

/** How the URI in a caller's certificate is compared. */
export interface AdmittedCaller {
  readonly case: "exact" | "prefix";
  readonly value: string;
}

/**
 * `anyone`: all of the trust domain, and the rules alone decide. A list: nobody else gets through the handshake. `unknown`: nobody knows what to
 * enforce.
 */
export type Admission = "unknown" | "anyone" | readonly AdmittedCaller[];

/**
 * The admission to a service. A handshake can only list whom it takes: there is a list for `tcp` under `enforce`, where callers that no intention
 * speaks of are denied, and none is denied among those that a wider intention allows. A list names callers of the mesh's own data centre, and
 * has those of all data centres where a whole namespace is allowed. The rules deny nobody in it but
 * perhaps the service itself, which is always there: its agent tries each handshake that callers are to make.
 */
export function admissionTo({ service, protocol, authorization, intentions, byDefault, trust }: AuthorizationInput): Admission {
  if (protocol !== "tcp" || authorization !== "enforce") return "anyone";
  if (!intentions || !byDefault) return "unknown";
  const asked = intentionsTo({ namespace: defaultNamespace, name: service }, intentions);
  const everybody = { namespace: wildcard, name: wildcard };
  if (byDefault === "allow" && !asked.some(({ source }) => covers(source, everybody))) return "anyone";
  const allowed: ServiceMatch[] = [];
  const denied: ServiceMatch[] = [];
  for (const intention of asked) (effectOf(intention) === "allow" ? allowed : denied).push(intention.source);
  if (allowed.some((source) => covers(source, everybody) || denied.some((other) => !covers(other, source) && covers(source, other))))
    return "anyone";
  return [{ case: "exact", value: spiffeIdOf(trust, service) }, ...allowed.map((source) => callerOf(source, trust))];
}

function callerOf({ namespace, name }: ServiceMatch, trust: Trust): AdmittedCaller {
  if (name === wildcard) return { case: "prefix", value: `spiffe://${trust.trustDomain}/ns/${encodeURIComponent(namespace)}/dc/` };
  return { case: "exact", value: spiffeIdOf(trust, name, namespace) };
}
