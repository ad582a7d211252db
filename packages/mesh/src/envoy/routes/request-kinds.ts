/** What tells apart the kinds of requests that are sent in ways of their own. */
import { create } from "@bufbuild/protobuf";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type RouteMatch,
  RouteMatch_GrpcRouteMatchOptionsSchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { idempotentMethods } from "../../policy/traffic/hedging/hedging.js";
import type { CallKind } from "../../policy/traffic/retries/retry-policy.js";

/** One kind, and what tells its requests from those of the kinds behind it. */
export interface RequestKind {
  readonly kind: CallKind;
  readonly match: Partial<Pick<RouteMatch, "grpc" | "headers">>;
}

/**
 * The kinds that requests with one of these methods can be of (none: any), in the order in which they are to be tried: gRPC, with its own
 * deadlines, before idempotent methods, which bring their own retries, before the rest; the first match wins.
 */
export function requestKinds(only: { readonly methods: readonly string[]; readonly grpc: boolean }): readonly RequestKind[] {
  const { methods } = only;
  const grpc = create(RouteMatch_GrpcRouteMatchOptionsSchema);
  if (only.grpc) return [{ kind: "grpc", match: { grpc } }];
  if (methods.length === 0)
    return [
      { kind: "grpc", match: { grpc } },
      { kind: "idempotent", match: { headers: [methodIs(idempotentMethods)] } },
      { kind: "other", match: {} },
    ];
  const twice = methods.filter((method) => idempotentMethods.includes(method));
  const kinds: RequestKind[] = [];
  if (methods.includes("POST")) kinds.push({ kind: "grpc", match: { grpc, headers: [methodIs(["POST"])] } });
  if (twice.length > 0) kinds.push({ kind: "idempotent", match: { headers: [methodIs(twice)] } });
  if (twice.length < methods.length) kinds.push({ kind: "other", match: { headers: [methodIs(methods)] } });
  return kinds;
}

/** The method is one of these. */
export function methodIs(methods: readonly string[]): HeaderMatcher {
  const [only = ""] = methods;
  const matchPattern =
    methods.length === 1
      ? ({ case: "exact", value: only } as const)
      : ({ case: "safeRegex", value: { regex: methods.join("|") } } as const);
  return create(HeaderMatcherSchema, { name: ":method", headerMatchSpecifier: { case: "stringMatch", value: { matchPattern } } });
}
