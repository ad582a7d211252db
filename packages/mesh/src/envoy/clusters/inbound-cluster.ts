/** The cluster by which an Envoy reaches its own application. */
import { create } from "@bufbuild/protobuf";
import type { Protocol } from "@legation/contract";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  ClusterSchema,
} from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { isIp } from "../../catalog/address.js";
import { passThrough } from "../../policy/traffic/limits/circuit-breakers.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { duration, socketAddress } from "../primitives.js";
import { httpOptions } from "./protocol-options.js";

/** The name of that cluster in every sidecar: no DNS label, so that no service's cluster can have it too. */
export const inboundCluster = "inbound:application";

/** One endpoint, no ejection, no limits and no retries: what the application bears is its callers' policy. Its figures are `cluster.inbound.…`. */
export function appCluster(app: { readonly host: string; readonly port: number }, protocol: Protocol, defaults: TrafficSettings): Cluster {
  const { connectTimeout, appIdleTimeout, keepalive } = defaults.connections;
  return create(ClusterSchema, {
    name: inboundCluster,
    altStatName: "inbound",
    clusterDiscoveryType: { case: "type", value: isIp(app.host) ? Cluster_DiscoveryType.STATIC : Cluster_DiscoveryType.STRICT_DNS },
    ...(isIp(app.host) ? {} : { dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED }),
    connectTimeout: duration(connectTimeout),
    loadAssignment: {
      clusterName: inboundCluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: socketAddress(app.host, app.port) } } }] }],
    },
    circuitBreakers: passThrough(),
    typedExtensionProtocolOptions: httpOptions(protocol, { idleTimeout: appIdleTimeout, keepalive }),
  });
}
