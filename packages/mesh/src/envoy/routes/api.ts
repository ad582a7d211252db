/** The routes by which a gRPC application without an Envoy reaches a service as `xds:///name`. */
import { create } from "@bufbuild/protobuf";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import {
  type Route,
  type RouteAction,
  RouteActionSchema,
  type RouteMatch,
  RouteMatchSchema,
  RouteSchema,
  WeightedClusterSchema,
} from "@legation/envoy-api/envoy/config/route/v3/route_components";
import type { Callee } from "../../callee.js";
import type { Destination } from "../../policy/route/destination.js";
import { headerHashPolicies } from "../../policy/traffic/balancing/hash-policy.js";
import { isGrpcCode } from "../../policy/traffic/retries/retry-condition.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { routeFault } from "../fault-filter.js";
import { duration } from "../primitives.js";
import { grpcMatch } from "./grpc-match.js";

/** The service's rules, as far as gRPC calls can meet them, and everything else to the service itself. */
export function apiRoutes({ name, settings, rules }: Pick<Callee, "name" | "settings" | "rules">): RouteConfiguration {
  const everything = create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "" } });
  const byRule = rules.flatMap(({ name: ruleName, match: written, action, fault, settings: own }) => {
    const match = grpcMatch(written);
    if (!match || action.kind !== "forward") return [];
    // A fault's own headers are passed over by these clients: all calls would get it.
    const typedPerFilterConfig = routeFault(fault?.headers.length === 0 ? fault : undefined);
    return [{ ...route(ruleName, match, wholeServices(action.to), own), typedPerFilterConfig }];
  });
  const routes = [...byRule, route("", everything, { case: "cluster", value: name }, settings)];
  return create(RouteConfigurationSchema, { name, virtualHosts: [{ name, domains: ["*"], routes }] });
}

/** The clusters of subsets that nobody has declared, to which the routes send calls that are to fail. */
export function missingClusters({ rules }: Pick<Callee, "rules">): readonly string[] {
  const destinations = rules.flatMap(({ action }) => (action.kind === "forward" ? action.to : []));
  return [...new Set(destinations.filter(({ declared }) => !declared).map(clusterOf))];
}

/** These clients know no subsets: where one is declared, the calls go to the whole service. */
function wholeServices(to: readonly Destination[]): RouteAction["clusterSpecifier"] {
  const weights = new Map<string, number>();
  for (const destination of to) {
    const name = clusterOf(destination);
    weights.set(name, destination.weight + (weights.get(name) ?? 0));
  }
  const [only = ""] = weights.keys();
  if (weights.size === 1) return { case: "cluster", value: only };
  const clusters = [...weights].map(([name, weight]) => ({ name, weight }));
  return { case: "weightedClusters", value: create(WeightedClusterSchema, { clusters }) };
}

function clusterOf({ service, subset, declared }: Destination): string {
  return declared ? service : `${service}:${subset}`;
}

/** A call's deadline is its own, up to the longest stream. */
function route(name: string, match: RouteMatch, clusterSpecifier: RouteAction["clusterSpecifier"], settings: TrafficSettings): Route {
  const { stream } = settings.timeouts;
  const longest = stream > 0 ? { maxStreamDuration: { maxStreamDuration: duration(stream) } } : {};
  const hashPolicy = headerHashPolicies(settings.balancing);
  const action = create(RouteActionSchema, { clusterSpecifier, hashPolicy, ...longest, ...codeRetries(settings) });
  return create(RouteSchema, { name, match, action: { case: "route", value: action } });
}

/** What no server has seen these clients send again by themselves. They refuse a policy of no retries, and know only gRPC's own codes. */
function codeRetries({ retries: { on, attempts, backoff } }: TrafficSettings) {
  const codes = on.filter(isGrpcCode);
  if (codes.length === 0 || attempts === 0) return {};
  const retryBackOff = { baseInterval: duration(backoff.base), maxInterval: duration(backoff.max) };
  return { retryPolicy: { retryOn: codes.join(","), numRetries: attempts, retryBackOff } };
}
