/** Which of given requests would go elsewhere. */

import { fromBinary } from "@bufbuild/protobuf";
import type { RouteChange, SampleRequest } from "@legation/contract/api";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { routesType } from "@legation/mesh";
import { routeRequest, sameDestinations, waysText } from "@legation/mesh/routing";
import type { Resource } from "@legation/xds";
import type { ConnectedProxy } from "../reconcile/nodes.js";

/** The changes. */
export interface RouteChanges {
  add(proxy: ConnectedProxy, before: ReadonlyMap<string, Resource>, after: ReadonlyMap<string, Resource>): void;
  list(): readonly RouteChange[];
}

/** Makes an empty collection for a sample. */
export function createRouteChanges(sample: readonly SampleRequest[]): RouteChanges {
  const found = new Map<string, Omit<RouteChange, "proxies"> & { readonly proxies: Set<string> }>();
  const read = new Map<string, RouteConfiguration>();

  function routesOf({ version, bytes }: Resource): RouteConfiguration {
    const known = read.get(version) ?? fromBinary(RouteConfigurationSchema, bytes);
    read.set(version, known);
    return known;
  }

  return {
    add({ node, metadata }, before, after) {
      // A gRPC application has the routes to each service under that one's own name.
      for (const key of [...before.keys()].filter((one) => one.startsWith(`${routesType} `))) {
        const [old, now] = [before.get(key), after.get(key)];
        if (!old || !now || old.version === now.version) continue;
        for (const [i, request] of sample.entries()) {
          if (request.from !== undefined && request.from !== metadata.service) continue;
          const [was, will] = [routeRequest(routesOf(old), request), routeRequest(routesOf(now), request)];
          if (sameDestinations(was, will)) continue;
          const [nowText, nextText] = [waysText(was), waysText(will)];
          const id = `${i} ${metadata.service} ${nowText} ${nextText}`;
          const known = found.get(id) ?? {
            ...{ request, from: metadata.service, before: was, after: will, now: nowText, next: nextText },
            proxies: new Set<string>(),
          };
          known.proxies.add(node);
          found.set(id, known);
        }
      }
    },
    list: () => [...found.values()].map((change) => ({ ...change, proxies: [...change.proxies].sort() })),
  };
}
