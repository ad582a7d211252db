/** The listener by which an application reaches other services. */
import { create } from "@bufbuild/protobuf";
import { TrafficDirection } from "@legation/envoy-api/envoy/config/core/v3/base";
import { type Listener, Listener_DrainType, ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import {
  type HttpConnectionManager,
  HttpConnectionManager_UpgradeConfigSchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { adsSource, socketAddress } from "../primitives.js";
import { outbound } from "../routes/outbound.js";
import { connectionManager, httpFilter } from "./connection-manager.js";

/**
 * HTTP on the outbound address, routed by the host's name without its port. It drains only when it is changed (MODIFY_ONLY), never
 * with the Envoy's inbound side: an application that stops may still need others. Not reusing the port makes a second process on one
 * address an error instead of a silent share.
 */
export function outboundListener(address: { readonly host: string; readonly port: number }, defaults: TrafficSettings): Listener {
  const manager: HttpConnectionManager = {
    ...connectionManager(
      outbound,
      { case: "rds", value: { $typeName: rds, routeConfigName: outbound, configSource: adsSource() } },
      defaults,
    ),
    stripPortMode: { case: "stripAnyHostPort", value: true },
  };
  manager.upgradeConfigs = [...manager.upgradeConfigs, create(HttpConnectionManager_UpgradeConfigSchema, { upgradeType: "CONNECT" })];
  return create(ListenerSchema, {
    name: outbound,
    address: socketAddress(address.host, address.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    drainType: Listener_DrainType.MODIFY_ONLY,
    enableReusePort: false,
    filterChains: [{ filters: [httpFilter(manager)] }],
  });
}

const rds = "envoy.extensions.filters.network.http_connection_manager.v3.Rds";
