/** What of a request chooses its endpoint, as the hash policies of Envoy's routes. */
import { create } from "@bufbuild/protobuf";
import { type RouteAction_HashPolicy, RouteAction_HashPolicySchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { duration } from "../../../envoy/primitives.js";
import type { TrafficSettings } from "../settings.js";
import type { HashSource } from "./hash-source.js";
import { hashStrategies } from "./strategy.js";

/** For the actions of every route to the service; none unless its strategy hashes. The first that a request has ends the list. */
export function hashPolicies({ strategy, hashOn }: TrafficSettings["balancing"]): RouteAction_HashPolicy[] {
  if (!hashStrategies.includes(strategy)) return [];
  return hashOn.map((source) => create(RouteAction_HashPolicySchema, { policySpecifier: specifier(source), terminal: true }));
}

/** The same for gRPC applications without an Envoy, which know headers alone. */
export function headerHashPolicies(balancing: TrafficSettings["balancing"]): RouteAction_HashPolicy[] {
  return hashPolicies(balancing).filter(({ policySpecifier }) => policySpecifier.case === "header");
}

function specifier(source: HashSource) {
  if ("header" in source) return { case: "header", value: { headerName: source.header } } as const;
  if ("query" in source) return { case: "queryParameter", value: { name: source.query } } as const;
  if ("source" in source) return { case: "connectionProperties", value: { sourceIp: true } } as const;
  const { name, ttl, path } = source.cookie;
  return { case: "cookie", value: { name, ...(ttl === undefined ? {} : { ttl: duration(ttl) }), path: path ?? "" } } as const;
}
