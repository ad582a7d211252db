/** Where a route sends what it takes: Envoy's route actions. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Metadata } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { RedirectAction, Route, RouteAction } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { RedirectAction_RedirectResponseCode as Code } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { headerOf, type RoutedRequest } from "./request.js";

/** What becomes of requests that a route takes. */
export type Destination =
  | { readonly to: "cluster"; readonly cluster: string; readonly subset?: JsonObject }
  | { readonly to: "redirect"; readonly status: number; readonly where: string }
  | { readonly to: "response"; readonly status: number; readonly body?: string };

/** A destination with the share of the route's requests that go there, from 0 to 1. */
export interface Share {
  readonly share: number;
  readonly destination: Destination;
}

/** Where the requests go: several destinations for a split. */
export function destinationsOf({ action }: Route, request: RoutedRequest): readonly Share[] {
  switch (action.case) {
    case "route":
      return clustersOf(action.value, request);
    case "redirect":
      return whole({ to: "redirect", status: statuses[action.value.responseCode], where: placeOf(action.value) });
    case "directResponse": {
      const body = action.value.body?.specifier;
      const text = body?.case === "inlineString" ? body.value : undefined;
      return whole({ to: "response", status: action.value.status, ...(text ? { body: text } : {}) });
    }
    default:
      return whole({ to: "response", status: 500 });
  }
}

const statuses: Readonly<Record<Code, number>> = {
  [Code.MOVED_PERMANENTLY]: 301,
  [Code.FOUND]: 302,
  [Code.SEE_OTHER]: 303,
  [Code.TEMPORARY_REDIRECT]: 307,
  [Code.PERMANENT_REDIRECT]: 308,
};

function whole(destination: Destination): readonly Share[] {
  return [{ share: 1, destination }];
}

function clustersOf({ clusterSpecifier: how, metadataMatch }: RouteAction, request: RoutedRequest): readonly Share[] {
  switch (how.case) {
    case "cluster":
      return whole(cluster(how.value, metadataMatch));
    case "clusterHeader":
      return whole(cluster(headerOf(request, how.value) ?? "", metadataMatch));
    case "weightedClusters": {
      const total = how.value.clusters.reduce((sum, { weight = 0 }) => sum + weight, 0);
      const taken = how.value.clusters.filter(({ weight = 0 }) => weight > 0);
      return taken.map(({ name, weight = 0, metadataMatch: own }) => ({
        share: weight / total,
        destination: cluster(name, own ?? metadataMatch),
      }));
    }
    default:
      return whole({ to: "response", status: 503 });
  }
}

function cluster(name: string, metadata: Metadata | undefined): Destination {
  const subset = metadata?.filterMetadata["envoy.lb"];
  return { to: "cluster", cluster: name, ...(subset ? { subset } : {}) };
}

/** What of the address the redirect changes, in the words of an address. */
function placeOf({ schemeRewriteSpecifier, hostRedirect, portRedirect, pathRewriteSpecifier: path }: RedirectAction): string {
  const https = schemeRewriteSpecifier.case === "httpsRedirect" && schemeRewriteSpecifier.value;
  const scheme = https ? "https" : schemeRewriteSpecifier.case === "schemeRedirect" ? schemeRewriteSpecifier.value : "";
  const to = path.case === "regexRewrite" ? path.value.substitution : (path.value ?? "");
  return `${scheme ? `${scheme}://` : ""}${hostRedirect}${portRedirect > 0 ? `:${portRedirect}` : ""}${to}`;
}
