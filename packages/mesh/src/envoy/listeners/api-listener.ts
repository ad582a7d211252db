/** The listener and routes by which a gRPC application without an Envoy reaches a service as `xds:///name`. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import { type Listener, ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { HttpConnectionManagerSchema } from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { adsSource } from "../primitives.js";
import { routerFilter } from "./connection-manager.js";

/** An API listener under the service's name, whose routes come by RDS under the same name. */
export function apiListener(service: string): Listener {
  const manager = create(HttpConnectionManagerSchema, {
    routeSpecifier: { case: "rds", value: { routeConfigName: service, configSource: adsSource() } },
    httpFilters: [routerFilter()],
  });
  return create(ListenerSchema, { name: service, apiListener: { apiListener: packAny(HttpConnectionManagerSchema, manager) } });
}

/** Everything to the service's cluster; a call's deadline is its own. */
export function apiRoutes(service: string): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: service,
    virtualHosts: [
      {
        name: service,
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "" } },
            action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: service } } },
          },
        ],
      },
    ],
  });
}
