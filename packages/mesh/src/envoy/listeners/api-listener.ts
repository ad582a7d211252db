/** The listener by which a gRPC application without an Envoy reaches a service as `xds:///name`. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import { type Listener, ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { HttpConnectionManagerSchema } from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { faultFilter } from "../fault-filter.js";
import { adsSource } from "../primitives.js";
import { routerFilter } from "./connection-manager.js";

/** An API listener under the service's name, whose routes come by RDS under the same name, and ask of the fault filter what rules say. */
export function apiListener(service: string): Listener {
  const manager = create(HttpConnectionManagerSchema, {
    routeSpecifier: { case: "rds", value: { routeConfigName: service, configSource: adsSource() } },
    httpFilters: [{ ...faultFilter(), disabled: false }, routerFilter()],
  });
  return create(ListenerSchema, { name: service, apiListener: { apiListener: packAny(HttpConnectionManagerSchema, manager) } });
}
