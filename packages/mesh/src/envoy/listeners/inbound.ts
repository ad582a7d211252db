/** The listener by which others reach an application. */
import { create } from "@bufbuild/protobuf";
import type { Protocol } from "@legation/contract";
import { packAny } from "@legation/envoy-api";
import { TrafficDirection } from "@legation/envoy-api/envoy/config/core/v3/base";
import { type Listener, Listener_DrainType, ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { type Filter, FilterSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import {
  type LocalReplyConfig,
  LocalReplyConfigSchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { TcpProxySchema } from "@legation/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import type { MeshDefaults } from "../../policy/mesh-defaults/mesh-defaults.js";
import { failureHeader } from "../../policy/mesh-defaults/retry-policy.js";
import { inboundCluster } from "../clusters/inbound-cluster.js";
import { duration, socketAddress } from "../primitives.js";
import { inboundRoutes } from "../routes/inbound.js";
import { accessLog } from "./access-log.js";
import { connectionManager, httpFilter } from "./connection-manager.js";

const inbound = "inbound";

/** HTTP, or bytes for `tcp`, to the application. It drains when the Envoy does (drain type DEFAULT, direction INBOUND). */
export function inboundListener(
  address: { readonly host: string; readonly port: number },
  protocol: Protocol,
  defaults: MeshDefaults,
): Listener {
  return create(ListenerSchema, {
    name: inbound,
    address: socketAddress(address.host, address.port),
    trafficDirection: TrafficDirection.INBOUND,
    drainType: Listener_DrainType.DEFAULT,
    enableReusePort: false,
    filterChains: [{ filters: [protocol === "tcp" ? tcpFilter(defaults) : httpFilter(inboundManager(defaults))] }],
  });
}

function inboundManager(defaults: MeshDefaults) {
  const manager = connectionManager(inbound, { case: "routeConfig", value: inboundRoutes() }, defaults);
  return { ...manager, localReplyConfig: failureReplies() };
}

/** Tells callers how the application failed, so that they know what is safe to try again. UF: no connection; UC, UR: it broke. */
function failureReplies(): LocalReplyConfig {
  const mapper = (flags: string[], value: string) => ({
    filter: { filterSpecifier: { case: "responseFlagFilter" as const, value: { flags } } },
    headersToAdd: [{ header: { key: failureHeader, value } }],
  });
  return create(LocalReplyConfigSchema, { mappers: [mapper(["UF"], "unreached"), mapper(["UC", "UR"], "lost")] });
}

function tcpFilter(defaults: MeshDefaults): Filter {
  const proxy = create(TcpProxySchema, {
    statPrefix: inbound,
    clusterSpecifier: { case: "cluster", value: inboundCluster },
    idleTimeout: duration(0),
    accessLog: accessLog(defaults),
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.tcp_proxy",
    configType: { case: "typedConfig", value: packAny(TcpProxySchema, proxy) },
  });
}
