/** The listener by which an application reaches one dependency on a local port of its own: bytes for `tcp`, HTTP without a host name else. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import type { Listener } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { FilterSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import {
  type TcpProxy,
  TcpProxy_WeightedClusterSchema,
  TcpProxySchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import type { LocalPort } from "../../local-ports.js";
import type { Destination } from "../../policy/route/destination.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { subsetMatch } from "../../policy/traffic/subsets/subset-balancing.js";
import { duration } from "../primitives.js";
import { outbound } from "../routes/outbound.js";
import { accessLog } from "./access-log.js";
import { httpFilter } from "./connection-manager.js";
import { outboundManager, outboundSide } from "./outbound.js";

type TcpDestination = Pick<Destination, "service" | "subset" | "weight">;

/** The name of the listener, and of its routes where it serves HTTP: no DNS label, so that nothing else has it. */
export function localPortName({ service, port }: LocalPort): string {
  return `${outbound}:${service}:${port}`;
}

/**
 * Endpoints that are tried for one connection before it is closed. Envoy chooses each of them anew and does not avoid the one that refused:
 * with one of two dead, and the least busy one preferred, three attempts fail in half of all cases, and twenty in 0.3 %, until
 * the outlier detection has left the dead one out, which takes as many refusals as its threshold says.
 */
export const connectAttempts = 20;

/**
 * Bytes to and from one endpoint for each connection, of one of the services by weight. One on which neither side sends anything ends after
 * `idle` milliseconds, or with 0 never: keepalive finds the dead ones.
 */
export function tcpPort(at: LocalPort, to: readonly TcpDestination[], settings: TrafficSettings, idle: number): Listener {
  const proxy = create(TcpProxySchema, {
    statPrefix: outbound,
    clusterSpecifier: clusterSpecifier(to),
    maxConnectAttempts: connectAttempts,
    idleTimeout: duration(idle),
    accessLog: accessLog(settings),
  });
  return outboundSide(localPortName(at), at, [
    create(FilterSchema, {
      name: "envoy.filters.network.tcp_proxy",
      configType: { case: "typedConfig", value: packAny(TcpProxySchema, proxy) },
    }),
  ]);
}

function clusterSpecifier(to: readonly TcpDestination[]): TcpProxy["clusterSpecifier"] {
  const [only] = to;
  if (only && to.length === 1 && only.subset === undefined) return { case: "cluster", value: only.service };
  const clusters = to
    .filter(({ weight }) => weight > 0)
    .map(({ service, subset, weight }) => ({
      name: service,
      weight,
      ...(subset === undefined ? {} : { metadataMatch: subsetMatch(subset) }),
    }));
  return { case: "weightedClusters", value: create(TcpProxy_WeightedClusterSchema, { clusters }) };
}

/** HTTP to the service, whatever host the request names; its routes come by RDS under the listener's name. */
export function httpPort(at: LocalPort, settings: TrafficSettings): Listener {
  return outboundSide(localPortName(at), at, [httpFilter(outboundManager(localPortName(at), settings))]);
}
