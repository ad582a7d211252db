/** The listener by which an application reaches other services. */
import { create } from "@bufbuild/protobuf";
import { TrafficDirection } from "@legation/envoy-api/envoy/config/core/v3/base";
import { type Listener, Listener_DrainType, ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import type { Filter } from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import {
  type HttpConnectionManager,
  HttpConnectionManager_UpgradeConfigSchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { faultFilter } from "../fault-filter.js";
import { adsSource, socketAddress } from "../primitives.js";
import { outbound } from "../routes/outbound.js";
import { connectionManager, httpFilter } from "./connection-manager.js";

/** HTTP on the outbound address, routed by the host's name without its port. */
export function outboundListener(address: { readonly host: string; readonly port: number }, settings: TrafficSettings): Listener {
  const manager = { ...outboundManager(outbound, settings), stripPortMode: { case: "stripAnyHostPort", value: true } as const };
  return outboundSide(outbound, address, [httpFilter(manager)]);
}

/** A manager of what the application sends to others, with its routes by RDS. CONNECT reaches the routes, which refuse it in words. */
export function outboundManager(routes: string, settings: TrafficSettings): HttpConnectionManager {
  const manager = connectionManager(
    outbound,
    { case: "rds", value: { $typeName: rds, routeConfigName: routes, configSource: adsSource() } },
    settings,
  );
  return {
    ...manager,
    httpFilters: [faultFilter(), ...manager.httpFilters],
    upgradeConfigs: [...manager.upgradeConfigs, create(HttpConnectionManager_UpgradeConfigSchema, { upgradeType: "CONNECT" })],
  };
}

/**
 * A listener for the application itself. It drains only when it is changed (MODIFY_ONLY), never with the Envoy's inbound side: an application
 * that stops may still need others. Not reusing the port makes a second process on one address an error instead of a silent share.
 */
export function outboundSide(
  name: string,
  address: { readonly host: string; readonly port: number },
  filters: readonly Filter[],
): Listener {
  return create(ListenerSchema, {
    name,
    address: socketAddress(address.host, address.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    drainType: Listener_DrainType.MODIFY_ONLY,
    enableReusePort: false,
    filterChains: [{ filters: [...filters] }],
  });
}

const rds = "envoy.extensions.filters.network.http_connection_manager.v3.Rds";
