/**
 * Envoy's bootstrap: who it is (DESIGN §5), where its control planes are, and its admin address. Everything else comes over xDS.
 * It is written as proto JSON by hand, and checked against Envoy's API by the tests: loading the API would cost each agent 35 MB.
 */
import { isIP } from "node:net";
import { certificateFiles, encodeNodeMetadata, type NodeMetadata, secretNames, zoneAssignmentName } from "@legation/contract";

/** A host and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What the bootstrap is made from. */
export interface BootstrapInput {
  /** `<consul-node>/<service id>`. */
  readonly nodeId: string;
  readonly region?: string;
  readonly zone?: string;
  readonly metadata: NodeMetadata;
  /** Envoy's admin interface; on loopback. */
  readonly admin: HostPort;
  /** The control planes' xDS addresses; Envoy tries another one when it loses its stream. */
  readonly controlPlanes: readonly HostPort[];
  /** How the control planes are spoken to by TLS; in plain text without it. */
  readonly controlPlaneTls?: ControlPlaneIdentity;
  readonly overload: OverloadLimits;
  /** The file that Envoy's standard output goes to, where the agent reads what Envoy says. Not by `/dev/stdout`: where that is a socket, it cannot be opened. */
  readonly outputPath: string;
}

/** Who the control planes are, and who Envoy is to them: the leaf of `metadata.certificates`. */
export interface ControlPlaneIdentity {
  /** With this node's `certificateFiles`. */
  readonly directory: string;
  /** The SPIFFE ID that a control plane has to prove; no other is spoken to. */
  readonly spiffeId: string;
}

/** What Envoy may take of the machine before it turns work away. */
export interface OverloadLimits {
  /** Bytes of heap: from 95 % on Envoy gives memory back, from 98 % on it answers new requests with 503. */
  readonly maxHeapBytes: number;
  /** Connections from clients; further ones are refused. */
  readonly maxConnections: number;
}

/** The bootstrap's cluster of control planes. No service can have this name: a colon is in no DNS label. */
export const controlPlaneCluster = "legation:xds";

/** The bootstrap's cluster of the instances of its own service; nothing is ever sent to it. */
const localCluster = "legation:own";

/** Envoy's own back-off grows to 30 s: so long would a proxy stay away from a control plane that has been back for a while. */
const reconnect = { baseInterval: "0.250s", maxInterval: "5s" };

/** Instructions of a regular expression: Envoy refuses more than 100 otherwise, which Consul's intentions may need; Consul sets the same. */
const largestRegex = 1_048_576;

/** Canonical proto JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * The bootstrap as canonical proto JSON. Listeners and clusters have no initial fetch timeout: an Envoy that never heard of a control plane
 * stays out of `LIVE`, so that its agent keeps the service out of Consul (DESIGN §6, promise 5).
 */
export function bootstrapOf(input: BootstrapInput): { readonly [key: string]: Json } {
  const { metadata, region, zone } = input;
  const overAds = { ads: {}, initialFetchTimeout: "0s", resourceApiVersion: "V3" };
  return {
    node: {
      id: input.nodeId,
      cluster: metadata.service,
      metadata: { legation: encodeNodeMetadata(metadata) as { [key: string]: Json } },
      ...(region || zone ? { locality: { ...(region ? { region } : {}), ...(zone ? { zone } : {}) } } : {}),
    },
    staticResources: {
      clusters: [controlPlanes(input.controlPlanes, input.controlPlaneTls), ...(zone ? [ownInstances(metadata.service, region)] : [])],
    },
    dynamicResources: {
      ldsConfig: overAds,
      cdsConfig: overAds,
      adsConfig: {
        apiType: "DELTA_GRPC",
        transportApiVersion: "V3",
        grpcServices: [{ envoyGrpc: { clusterName: controlPlaneCluster, retryPolicy: { retryBackOff: reconnect } } }],
        setNodeOnFirstMessageOnly: true,
      },
    },
    admin: { address: address(input.admin), ignoreGlobalConnLimit: true },
    // An instance that is ejected, or comes back, is a line there.
    clusterManager: { ...(zone ? { localClusterName: localCluster } : {}), outlierDetection: { eventLogPath: input.outputPath } },
    overloadManager: overloadManager(input.overload),
    layeredRuntime: { layers: [{ name: "limits", staticLayer: { "re2.max_program_size.error_level": largestRegex } }] },
  };
}

/**
 * The instances of the node's own service, which Envoy compares zones with. An Envoy becomes live without: the service may not be registered yet,
 * and a control plane of another version may not know of it.
 */
function ownInstances(service: string, region = ""): Json {
  return {
    name: localCluster,
    type: "EDS",
    connectTimeout: "2s",
    edsClusterConfig: {
      serviceName: zoneAssignmentName(service, region),
      edsConfig: { ads: {}, initialFetchTimeout: "1s", resourceApiVersion: "V3" },
    },
  };
}

function overloadManager({ maxHeapBytes, maxConnections }: OverloadLimits): Json {
  const monitor = (name: string, type: string, config: { readonly [key: string]: Json }): Json => ({
    name: `envoy.resource_monitors.${name}`,
    typedConfig: { "@type": `type.googleapis.com/envoy.extensions.resource_monitors.${type}`, ...config },
  });
  const action = (name: string, value: number): Json => ({
    name: `envoy.overload_actions.${name}`,
    triggers: [{ name: "envoy.resource_monitors.fixed_heap", threshold: { value } }],
  });
  return {
    refreshInterval: "1s",
    resourceMonitors: [
      monitor("fixed_heap", "fixed_heap.v3.FixedHeapConfig", { maxHeapSizeBytes: String(maxHeapBytes) }),
      monitor("global_downstream_max_connections", "downstream_connections.v3.DownstreamConnectionsConfig", {
        maxActiveDownstreamConnections: String(maxConnections),
      }),
    ],
    actions: [action("shrink_heap", 0.95), action("stop_accepting_requests", 0.98)],
  };
}

function controlPlanes(addresses: readonly HostPort[], tls: ControlPlaneIdentity | undefined): Json {
  const literal = addresses.every(({ host }) => isIP(host) !== 0);
  const http2 = { connectionKeepalive: { interval: "10s", timeout: "5s" } };
  return {
    name: controlPlaneCluster,
    type: literal ? "STATIC" : "STRICT_DNS",
    connectTimeout: "2s",
    loadAssignment: {
      clusterName: controlPlaneCluster,
      endpoints: [{ lbEndpoints: addresses.map((at) => ({ endpoint: { address: address(at) } })) }],
    },
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicitHttpConfig: { http2ProtocolOptions: http2 },
      },
    },
    ...(literal ? {} : { respectDnsTtl: true }),
    ...(tls ? { transportSocket: mutualTls(tls) } : {}),
    upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 30, keepaliveInterval: 5 } },
  };
}

/**
 * A SPIFFE ID without its trust domain, which the roots stand for: a Consul that comes back empty has another one, and an Envoy that insisted on
 * the one before could reach no control plane any more.
 */
function pathOf(spiffeId: string): string {
  return spiffeId.slice(spiffeId.indexOf("/", "spiffe://".length));
}

/** The secrets are files that name files: Envoy reads all of them again when a new version is moved into the directory. */
function mutualTls({ directory, spiffeId }: ControlPlaneIdentity): Json {
  const secret = (name: string, file: string): Json => ({
    name,
    sdsConfig: { pathConfigSource: { path: `${directory}/${file}`, watchedDirectory: { path: directory } }, resourceApiVersion: "V3" },
  });
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      commonTlsContext: {
        alpnProtocols: ["h2"],
        tlsCertificateSdsSecretConfigs: [secret(secretNames.leaf, certificateFiles.leafSecret)],
        combinedValidationContext: {
          defaultValidationContext: { matchTypedSubjectAltNames: [{ sanType: "URI", matcher: { suffix: pathOf(spiffeId) } }] },
          validationContextSdsSecretConfig: secret(secretNames.roots, certificateFiles.rootsSecret),
        },
      },
    },
  };
}

function address({ host, port }: HostPort): Json {
  return { socketAddress: { address: host, portValue: port } };
}
