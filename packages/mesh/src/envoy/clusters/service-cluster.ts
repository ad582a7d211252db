/** The cluster by which callers reach a service. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Protocol } from "@legation/contract";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_TransportSocketMatchSchema,
  ClusterSchema,
} from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import type { LocalityEndpoints } from "../../catalog/placement.js";
import type { Trust } from "../../policy/identity/trust.js";
import { loadBalancing } from "../../policy/traffic/balancing/load-balancing-policy.js";
import { outlierDetection } from "../../policy/traffic/circuit-breaker/outlier-detection.js";
import { healthChecks } from "../../policy/traffic/health-checks/envoy-health-check.js";
import { circuitBreakers } from "../../policy/traffic/limits/circuit-breakers.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { type EndpointLabels, loadAssignment } from "../endpoints/assignment.js";
import { adsSource, duration } from "../primitives.js";
import { mutualMatch, outboundTls, plaintext } from "../tls/transport-sockets.js";
import { httpOptions } from "./protocol-options.js";

/** Mutual TLS for callers that have a certificate. */
export interface MutualTls {
  readonly trust: Trust;
  /** Plain text to no endpoint at all. Else it is left to those whose registration does not say that they take TLS. */
  readonly strict: boolean;
}

/** What a service's cluster is made from. */
export interface ServiceClusterInput {
  readonly name: string;
  readonly protocol: Protocol;
  readonly localities: readonly LocalityEndpoints[];
  readonly labels: EndpointLabels;
  readonly settings: TrafficSettings;
  /** Routes may ask for a subset of the endpoints. */
  readonly subsetted: boolean;
}

/**
 * A cluster whose endpoints come by EDS, or, when one of them is a host name, a STRICT_DNS cluster that carries all of them itself:
 * EDS takes IP addresses only, and a name is Envoy's to resolve, again and again. Without `mutual` it is called in plain text.
 */
export function serviceCluster(
  { name, protocol, localities, labels, settings, subsetted }: ServiceClusterInput,
  mutual?: MutualTls,
): Cluster {
  const { connections, balancing, circuitBreaker, limits } = settings;
  const { idleTimeout, keepalive, lifetime } = connections;
  const dns = localities.some((locality) => locality.endpoints.some((endpoint) => !endpoint.ip));
  return create(ClusterSchema, {
    name,
    ...(dns ? dnsDiscovery(name, localities, labels, settings) : edsDiscovery()),
    connectTimeout: duration(connections.connectTimeout),
    loadBalancingPolicy: loadBalancing(settings, subsetted),
    commonLbConfig: {
      healthyPanicThreshold: { value: circuitBreaker.whenAllFail === "fail-fast" ? 0 : balancing.panicThreshold },
      // Else Envoy holds back a change of health for up to a second where it had another shortly before, although it has acknowledged it.
      updateMergeWindow: duration(0),
    },
    outlierDetection: outlierDetection(circuitBreaker),
    healthChecks: healthChecks(name, settings, protocol),
    circuitBreakers: circuitBreakers(settings),
    typedExtensionProtocolOptions: httpOptions(protocol, {
      idleTimeout,
      keepalive,
      requestsPerConnection: limits.requestsPerConnection,
      ...(mutual ? { lifetime } : {}),
    }),
    upstreamConnectionOptions: {
      tcpKeepalive: { keepaliveTime: Math.ceil(connections.keepalive / 1000), keepaliveInterval: 5, keepaliveProbes: 3 },
    },
    ignoreHealthOnHostRemoval: true,
    ...(mutual ? identified(name, protocol, mutual) : {}),
  });
}

function identified(
  name: string,
  protocol: Protocol,
  { trust, strict }: MutualTls,
): Partial<Pick<Cluster, "transportSocket" | "transportSocketMatches">> {
  const transportSocket = outboundTls(trust, name, protocol);
  if (strict) return { transportSocket };
  const match = (init: MessageInitShape<typeof Cluster_TransportSocketMatchSchema>) => create(Cluster_TransportSocketMatchSchema, init);
  return {
    transportSocketMatches: [
      match({ name: "mutual-tls", match: mutualMatch, transportSocket }),
      match({ name: "plaintext", match: {}, transportSocket: plaintext() }),
    ],
  };
}

/** Endpoints by EDS, on the stream that the cluster came by. */
export function edsDiscovery() {
  return {
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource() },
  } as const;
}

function dnsDiscovery(name: string, localities: readonly LocalityEndpoints[], labels: EndpointLabels, settings: TrafficSettings) {
  return {
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STRICT_DNS },
    loadAssignment: loadAssignment(name, localities, labels, settings.locality.overprovisioning),
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
    respectDnsTtl: true,
    dnsFailureRefreshRate: { baseInterval: duration(1_000), maxInterval: duration(10_000) },
  } as const;
}
