/** The route from a sidecar's inbound listener to its application. */
import { create } from "@bufbuild/protobuf";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { failureHeader } from "../../policy/traffic/retries/retry-policy.js";
import { inboundCluster } from "../clusters/inbound-cluster.js";
import { duration } from "../primitives.js";

/**
 * Everything goes to the application, without time limit or retry: both belong to the caller. The failure header is taken off the
 * application's own responses, so that only this Envoy can set it.
 */
export function inboundRoutes(): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: "inbound",
    virtualHosts: [
      {
        name: "application",
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "/" } },
            action: {
              case: "route",
              value: { clusterSpecifier: { case: "cluster", value: inboundCluster }, timeout: duration(0) },
            },
          },
        ],
      },
    ],
    responseHeadersToRemove: [failureHeader],
  });
}
