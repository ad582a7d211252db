/** Where compiled routes send a request: what Envoy would do, worked out from the same messages, without an Envoy. */
import type { RouteConfiguration } from "@legation/envoy-api/envoy/config/route/v3/route";
import type { Route } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { type Destination, destinationsOf } from "./destination.js";
import { virtualHostFor } from "./host-match.js";
import type { RoutedRequest } from "./request.js";
import { shareTaken } from "./route-match.js";

/** One of the ways that such requests take. */
export interface Way {
  /** From 0 to 1; all ways of a request together are 1. */
  readonly share: number;
  /** The name of the virtual host; undefined where none is for the host. */
  readonly virtualHost?: string;
  /** The route's name, or its place among those of the virtual host, from 1: `#3`. Undefined where none takes the request. */
  readonly route?: string;
  /** Where there is no route: a response of 404. */
  readonly destination: Destination;
}

/**
 * The ways of a request through routes: one, or several where lots are drawn (a split, or a share of a match). The first route that takes it
 * counts. What filters before the router change, faults included, is not looked at.
 */
export function routeRequest({ virtualHosts }: RouteConfiguration, request: RoutedRequest): readonly Way[] {
  const host = virtualHostFor(virtualHosts, request.host);
  if (!host) return [{ share: 1, destination: notFound }];
  const ways: Way[] = [];
  let left = 1;
  for (const [i, route] of host.routes.entries()) {
    const taken = left * shareTaken(route.match, request);
    if (taken === 0) continue;
    for (const { share, destination } of destinationsOf(route, request))
      ways.push({ share: taken * share, virtualHost: host.name, route: nameOf(route, i), destination });
    left -= taken;
    if (left <= 0) return ways;
  }
  return [...ways, { share: left, virtualHost: host.name, destination: notFound }];
}

const notFound: Destination = { to: "response", status: 404 };

function nameOf({ name }: Route, i: number): string {
  return name || `#${i + 1}`;
}

/** True when requests go to the same places in the same shares, by whichever routes. */
export function sameDestinations(a: readonly Way[], b: readonly Way[]): boolean {
  const [one, other] = [sharesOf(a), sharesOf(b)];
  if (one.size !== other.size) return false;
  return [...one].every(([destination, share]) => Math.abs(share - (other.get(destination) ?? 0)) < 1e-9);
}

function sharesOf(ways: readonly Way[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const { share, destination } of ways) {
    const text = destinationText(destination);
    shares.set(text, (shares.get(text) ?? 0) + share);
  }
  return shares;
}

/** The ways in words: `95% orders {"version":"v1"}, 5% orders {"version":"v2"} (orders route #2)`. */
export function waysText(ways: readonly Way[]): string {
  return ways
    .map(({ share, virtualHost, route, destination }) => {
      const part = share < 1 ? `${Math.round(share * 10_000) / 100}% ` : "";
      return `${part}${destinationText(destination)}${virtualHost ? ` (${virtualHost}${route ? ` route ${route}` : ""})` : ""}`;
    })
    .join(", ");
}

function destinationText(destination: Destination): string {
  switch (destination.to) {
    case "cluster":
      return `${destination.cluster}${destination.subset ? ` ${JSON.stringify(destination.subset)}` : ""}`;
    case "redirect":
      return `${destination.status} to ${destination.where || "the same place"}`;
    case "response":
      return `${destination.status}${destination.body ? ` ${JSON.stringify(destination.body.trim())}` : ""}`;
  }
}
