/** What the HTTP connection managers of both directions have in common. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import { type Filter, FilterSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import { RouterSchema } from "@legation/envoy-api/envoy/extensions/filters/http/router/v3/router";
import {
  type HttpConnectionManager,
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { duration } from "../primitives.js";
import { accessLog } from "./access-log.js";

/**
 * A manager that lets everything through as it came: any version of HTTP from 1.0, WebSocket upgrades, streams of any length and silence, the
 * `server` header and an `x-request-id` that the application set (one is made where it has none).
 */
export function connectionManager(
  statPrefix: string,
  routeSpecifier: HttpConnectionManager["routeSpecifier"],
  defaults: TrafficSettings,
): HttpConnectionManager {
  return create(HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier,
    httpFilters: [routerFilter()],
    streamIdleTimeout: duration(0),
    httpProtocolOptions: { acceptHttp10: true },
    http2ProtocolOptions: { allowConnect: true },
    upgradeConfigs: [{ upgradeType: "websocket" }],
    serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
    generateRequestId: true,
    accessLog: accessLog(defaults),
  });
}

/** The filter that ends every HTTP filter chain. */
export function routerFilter(): HttpFilter {
  return create(HttpFilterSchema, {
    name: "envoy.filters.http.router",
    configType: { case: "typedConfig", value: packAny(RouterSchema, create(RouterSchema)) },
  });
}

/** The network filter that holds a connection manager. */
export function httpFilter(manager: HttpConnectionManager): Filter {
  return create(FilterSchema, {
    name: "envoy.filters.network.http_connection_manager",
    configType: { case: "typedConfig", value: packAny(HttpConnectionManagerSchema, manager) },
  });
}
