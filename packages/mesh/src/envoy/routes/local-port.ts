/** The routes of a local port that serves HTTP: those to one service, whatever host a request names. */
import { create } from "@bufbuild/protobuf";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import type { VirtualHost } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { failureHeader } from "../../policy/traffic/retries/retry-policy.js";

/** The service's virtual host, for every authority. */
export function localPortRoutes(name: string, virtualHost: VirtualHost): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [{ ...virtualHost, domains: ["*"] }],
    responseHeadersToRemove: [failureHeader],
  });
}
