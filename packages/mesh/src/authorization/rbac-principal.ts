/** Callers in Envoy's RBAC: by the SPIFFE ID in the certificate that they showed. */
import { create } from "@bufbuild/protobuf";
import { type Principal, PrincipalSchema } from "@legation/envoy-api/envoy/config/rbac/v3/rbac";
import type { StringMatcher } from "@legation/envoy-api/envoy/type/matcher/v3/string";
import { type ServiceMatch, wildcard } from "./intention.js";

/**
 * The services that `match` names, in every data centre, as in Consul's own proxies: an intention knows no data centre.
 *
 * Consul's CA puts one URI into a certificate, `spiffe://<trust domain>/ns/<namespace>/dc/<data centre>/svc/<service>`, with no slash inside
 * a part, so that how it begins and how it ends tell all. A regular expression would be longer than Envoy takes by default.
 */
export function callersOf({ namespace, name }: ServiceMatch, trustDomain: string): Principal {
  const space = namespace === wildcard ? "" : `${encodeURIComponent(namespace)}/dc/`;
  const begins = uri({ case: "prefix", value: `spiffe://${trustDomain}/ns/${space}` });
  const ends =
    name === wildcard ? uri({ case: "contains", value: "/svc/" }) : uri({ case: "suffix", value: `/svc/${encodeURIComponent(name)}` });
  return create(PrincipalSchema, { identifier: { case: "andIds", value: { ids: [begins, ends] } } });
}

/** Every service of the trust domain. */
export function anyService(trustDomain: string): Principal {
  return callersOf({ namespace: wildcard, name: wildcard }, trustDomain);
}

function uri(matchPattern: StringMatcher["matchPattern"]): Principal {
  return create(PrincipalSchema, { identifier: { case: "authenticated", value: { principalName: { matchPattern } } } });
}
