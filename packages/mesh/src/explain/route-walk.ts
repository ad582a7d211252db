/** The routes of a virtual host, walked as Envoy does: which of them takes the request, which were passed over, and which are never asked. */
import type { Route, VirtualHost } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import type { RoutedRequest } from "../routing/request.js";
import { shareTaken } from "../routing/route-match.js";
import { whyPassedOver } from "./passed-over.js";

/** A route that takes some of the requests. */
export interface TakenRoute {
  readonly route: Route;
  /** `Route/orders-canary#0`; `default` for the service's own. */
  readonly name: string;
  readonly share: number;
}

/** The walk. */
export interface RouteWalk {
  readonly taken: readonly TakenRoute[];
  /** The share that no route takes. */
  readonly left: number;
  /** Rules that do not match, each once with why. */
  readonly passedOver: readonly { readonly name: string; readonly why: string }[];
  /** Rules behind those that took the request, which match it too. */
  readonly shadowed: readonly string[];
}

/** Walks. */
export function walkRoutes({ routes }: VirtualHost, request: RoutedRequest): RouteWalk {
  const taken: TakenRoute[] = [];
  const passedOver = new Map<string, string>();
  const shadowed = new Set<string>();
  let left = 1;
  for (const route of routes) {
    const share = shareTaken(route.match, request);
    if (share === 0) {
      if (route.name !== "" && !passedOver.has(route.name)) passedOver.set(route.name, whyPassedOver(route.match, request));
      continue;
    }
    if (left <= 0) {
      if (route.name !== "") shadowed.add(route.name);
      continue;
    }
    taken.push({ route, name: route.name || "default", share: left * share });
    left -= left * share;
  }
  const names = new Set([...taken.map(({ name }) => name), ...shadowed]);
  return {
    taken,
    left: Math.max(0, left),
    // One rule has several routes, by the kind of the request.
    passedOver: [...passedOver].filter(([name]) => !names.has(name)).map(([name, why]) => ({ name, why })),
    shadowed: [...shadowed].filter((name) => !taken.some((one) => one.name === name)),
  };
}
