/** The routes of one rule: as many as there are kinds of requests that it can be for. */
import { create } from "@bufbuild/protobuf";
import {
  type Route,
  type RouteAction,
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  WeightedClusterSchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import type { Destination } from "../../policy/route/destination.js";
import type { RouteRule } from "../../policy/route/rule.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { callFields } from "./call-fields.js";
import { requestKinds } from "./request-kinds.js";
import { requestMatch } from "./request-match.js";

/**
 * The routes, which stand together: the first of them that matches holds, and a request that the rule matches is matched by one. `host` are
 * the settings of the service itself.
 */
export function ruleRoutes(rule: RouteRule, host: TrafficSettings): readonly Route[] {
  const match = requestMatch(rule.match);
  const specifier = clusterSpecifier(rule.action.to);
  return requestKinds(rule.match).map(({ kind, match: only }) =>
    create(RouteSchema, {
      name: rule.name,
      match: create(RouteMatchSchema, { ...match, ...only, headers: [...match.headers, ...(only.headers ?? [])] }),
      action: {
        case: "route",
        value: create(RouteActionSchema, { clusterSpecifier: specifier, ...callFields(kind, rule.settings, host) }),
      },
      statPrefix: rule.name,
    }),
  );
}

function clusterSpecifier(to: readonly Destination[]): RouteAction["clusterSpecifier"] {
  const [only] = to;
  if (only && to.length === 1) return { case: "cluster", value: only.service };
  const clusters = to.map(({ service, weight }) => ({ name: service, weight }));
  return { case: "weightedClusters", value: create(WeightedClusterSchema, { clusters }) };
}
