/** Envoy's bootstrap: who it is (DESIGN §5), where its control planes are, and its admin address. Everything else comes over xDS. */

import { isIP } from "node:net";
import { create, createRegistry, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { anyPack, DurationSchema } from "@bufbuild/protobuf/wkt";
import { encodeNodeMetadata, type NodeMetadata } from "@legation/contract";
import { BootstrapSchema } from "@legation/envoy-api/envoy/config/bootstrap/v3/bootstrap";
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { type Address, AddressSchema } from "@legation/envoy-api/envoy/config/core/v3/address";
import { ApiConfigSource_ApiType, ApiVersion, ConfigSourceSchema } from "@legation/envoy-api/envoy/config/core/v3/config_source";
import {
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  HttpProtocolOptionsSchema,
} from "@legation/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options";

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
}

/** The bootstrap's cluster of control planes. No service can have this name: a colon is in no DNS label. */
export const controlPlaneCluster = "legation:xds";

/**
 * The bootstrap as proto JSON. Listeners and clusters have no initial fetch timeout: an Envoy that never heard of a control plane stays
 * out of `LIVE`, so that its agent keeps the service out of Consul (DESIGN §6, promise 5).
 */
export function bootstrapOf(input: BootstrapInput): JsonValue {
  const { metadata, region, zone } = input;
  const overAds = create(ConfigSourceSchema, {
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: create(DurationSchema, { seconds: 0n }),
    configSourceSpecifier: { case: "ads", value: {} },
  });
  const bootstrap = create(BootstrapSchema, {
    node: {
      id: input.nodeId,
      cluster: metadata.service,
      ...(region || zone ? { locality: { region: region ?? "", zone: zone ?? "" } } : {}),
      metadata: { legation: encodeNodeMetadata(metadata) as JsonObject },
    },
    admin: { address: address(input.admin) },
    dynamicResources: {
      ldsConfig: overAds,
      cdsConfig: overAds,
      adsConfig: {
        apiType: ApiConfigSource_ApiType.DELTA_GRPC,
        transportApiVersion: ApiVersion.V3,
        setNodeOnFirstMessageOnly: true,
        grpcServices: [
          {
            targetSpecifier: { case: "envoyGrpc", value: { clusterName: controlPlaneCluster, retryPolicy: { retryBackOff: reconnect() } } },
          },
        ],
      },
    },
    staticResources: { clusters: [controlPlanes(input.controlPlanes)] },
  });
  const registry = createRegistry(file_envoy_extensions_upstreams_http_v3_http_protocol_options);
  return toJson(BootstrapSchema, bootstrap, { registry });
}

/** Envoy's own back-off grows to 30 s: so long would a proxy stay away from a control plane that has been back for a while. */
function reconnect() {
  return {
    baseInterval: create(DurationSchema, { nanos: 250_000_000 }),
    maxInterval: create(DurationSchema, { seconds: 5n }),
  };
}

function controlPlanes(addresses: readonly HostPort[]): Cluster {
  const literal = addresses.every(({ host }) => isIP(host) !== 0);
  const http2 = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: {
        protocolConfig: {
          case: "http2ProtocolOptions",
          value: {
            connectionKeepalive: {
              interval: create(DurationSchema, { seconds: 10n }),
              timeout: create(DurationSchema, { seconds: 5n }),
            },
          },
        },
      },
    },
  });
  return create(ClusterSchema, {
    name: controlPlaneCluster,
    clusterDiscoveryType: { case: "type", value: literal ? Cluster_DiscoveryType.STATIC : Cluster_DiscoveryType.STRICT_DNS },
    connectTimeout: create(DurationSchema, { seconds: 2n }),
    respectDnsTtl: !literal,
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": anyPack(HttpProtocolOptionsSchema, http2),
    },
    loadAssignment: {
      clusterName: controlPlaneCluster,
      endpoints: [
        {
          lbEndpoints: addresses.map((at) => ({ hostIdentifier: { case: "endpoint" as const, value: { address: address(at) } } })),
        },
      ],
    },
    upstreamConnectionOptions: {
      tcpKeepalive: {
        keepaliveTime: 30,
        keepaliveInterval: 5,
        keepaliveProbes: 3,
      },
    },
  });
}

function address({ host, port }: HostPort): Address {
  return create(AddressSchema, {
    address: { case: "socketAddress", value: { address: host, portSpecifier: { case: "portValue", value: port } } },
  });
}
