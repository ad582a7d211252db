/** A stand-in for the control plane: enough delta ADS for one sidecar, and the agents' channel, recorded. */
import { createServer, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { create, fromBinary, type JsonValue, toBinary } from "@bufbuild/protobuf";
import {
  type AgentReport,
  arrivingPath,
  type Command,
  certificateFiles,
  commandsPath,
  decodeNodeMetadata,
  leavingPath,
  type NodeMetadata,
  type RoutingNotice,
  type RoutingReply,
  secretNames,
  splitAddress,
} from "@legation/contract";
import { packAny, parseJson, typeUrl } from "@legation/envoy-api";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { SecretSchema } from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type Resource,
  ResourceSchema,
} from "@legation/envoy-api/envoy/service/discovery/v3/discovery";

/** See the file's sentence. */
export interface StandIn {
  /** Give these to the agent. */
  readonly flags: readonly string[];
  readonly reports: readonly AgentReport[];
  /** Of leaving and of arriving, each answered at once as acknowledged. */
  readonly notices: readonly (RoutingNotice & { readonly path: string })[];
  /** Ids of the nodes that opened a stream. */
  readonly nodes: readonly string[];
  /** Adds a cluster of that name with one endpoint, healthy or not, on every stream. */
  setDependency(name: string, healthy: boolean): void;
  /** Sends a command to every listening agent; returns how many there are. */
  command(command: Command): number;
  close(): Promise<void>;
}

/** Starts it on free ports of loopback. */
export async function startStandIn(): Promise<StandIn> {
  const reports: AgentReport[] = [];
  const notices: (RoutingNotice & { path: string })[] = [];
  const nodes: string[] = [];
  const dependencies = new Map<string, boolean>();
  const clusterStreams = new Set<() => void>();
  const listeners = new Set<ServerResponse>();

  const xds = createHttp2Server();
  xds.on("stream", (stream) => {
    let node: NodeMetadata | undefined;
    const answer = (url: string, resources: Resource[], removed: string[] = []): void => {
      const response = create(DeltaDiscoveryResponseSchema, {
        typeUrl: url,
        resources,
        removedResources: removed,
        nonce: `${Math.random()}`,
      });
      send(stream, toBinary(DeltaDiscoveryResponseSchema, response));
    };
    const sendClusters = (): void =>
      answer(
        typeUrl(ClusterSchema),
        [...dependencies].map(([name, healthy]) => cluster(name, 1, healthy)),
      );
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.once("close", () => clusterStreams.delete(sendClusters));
    stream.on("error", () => stream.destroy());
    onMessage(stream, (bytes) => {
      const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      if (request.node) {
        nodes.push(request.node.id);
        const told = decodeNodeMetadata(request.node.metadata?.["legation"]);
        if (typeof told !== "string") node = told;
      }
      if (request.responseNonce !== "" || !node) return;
      const app = splitAddress(node.app)?.port ?? 0;
      if (request.typeUrl === typeUrl(ClusterSchema)) {
        clusterStreams.add(sendClusters);
        answer(request.typeUrl, [cluster("inbound", app, true), ...[...dependencies].map(([name, healthy]) => cluster(name, 1, healthy))]);
      } else if (request.typeUrl === typeUrl(ListenerSchema))
        answer(request.typeUrl, [inboundListener(splitAddress(node.inbound)?.port ?? 0, node.certificates !== undefined)]);
      else if (request.typeUrl === typeUrl(SecretSchema) && node.certificates !== undefined)
        answer(request.typeUrl, secrets(node.certificates));
      else answer(request.typeUrl, [], request.resourceNamesSubscribe);
    });
  });

  const api = createServer((request, reply) => {
    if (request.url?.startsWith(commandsPath)) {
      reply.writeHead(200, { "content-type": "text/event-stream" }).write(": open\n\n");
      listeners.add(reply);
      reply.once("close", () => listeners.delete(reply));
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
      if (request.url === leavingPath || request.url === arrivingPath) {
        notices.push({ path: request.url, ...(body as RoutingNotice) });
        const answer: RoutingReply = { accepted: true, subscribers: 2, laggards: [], replicas: 1, silent: [], replica: "stand-in" };
        reply.end(JSON.stringify(answer));
      } else {
        reports.push(body as AgentReport);
        reply.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ accepted: true }));
      }
    });
  });
  const [xdsPort, apiPort] = await Promise.all(
    [xds, api].map(
      (server) => new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))),
    ),
  );
  return {
    flags: ["--control-plane-xds", `127.0.0.1:${xdsPort}`, "--control-plane-api", `http://127.0.0.1:${apiPort}`],
    reports,
    notices,
    nodes,
    setDependency(name, healthy) {
      dependencies.set(name, healthy);
      for (const push of clusterStreams) push();
    },
    command(command) {
      for (const listener of listeners) listener.write(`id: ${command.id}\ndata: ${JSON.stringify(command)}\n\n`);
      return listeners.size;
    },
    async close() {
      for (const listener of listeners) listener.destroy();
      api.closeAllConnections();
      xds.close();
      await new Promise((resolve) => api.close(resolve));
    },
  };
}

function onMessage(stream: ServerHttp2Stream, take: (bytes: Uint8Array) => void): void {
  let rest = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      take(rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  });
}

function send(stream: ServerHttp2Stream, message: Uint8Array): void {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  if (!stream.destroyed) stream.write(Buffer.concat([head, message]));
}

function cluster(name: string, port: number, healthy: boolean): Resource {
  const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: port } } };
  const json: JsonValue = {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ health_status: healthy ? "HEALTHY" : "UNHEALTHY", endpoint }] }],
    },
  };
  return create(ResourceSchema, { name, version: `${healthy}`, resource: packAny(ClusterSchema, parseJson(ClusterSchema, json)) });
}

/** The node's own files, as its Envoy is to read them. */
function secrets(directory: string): Resource[] {
  const file = (name: string): JsonValue => ({ filename: join(directory, name) });
  const watched = { watched_directory: { path: directory } };
  const leaf = { certificate_chain: file(certificateFiles.leaf), private_key: file(certificateFiles.key), ...watched };
  const jsons: { name: string; [kind: string]: JsonValue }[] = [
    { name: secretNames.leaf, tls_certificate: leaf },
    { name: secretNames.roots, validation_context: { trusted_ca: file(certificateFiles.roots), ...watched } },
  ];
  return jsons.map((json) =>
    create(ResourceSchema, { name: json.name, version: "1", resource: packAny(SecretSchema, parseJson(SecretSchema, json)) }),
  );
}

const secretOf = (name: string): JsonValue => ({ name, sds_config: { ads: {}, resource_api_version: "V3" } });

/** Mutual TLS for clients with a certificate of the same roots. */
const tlsSocket: JsonValue = {
  name: "envoy.transport_sockets.tls",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [secretOf(secretNames.leaf)],
      validation_context_sds_secret_config: secretOf(secretNames.roots),
    },
  },
};

const tlsInspector: JsonValue = {
  name: "tls",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector" },
};

function inboundListener(port: number, withTls: boolean): Resource {
  const manager: JsonValue = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "inbound",
    http_filters: [{ name: "router", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }],
    route_config: {
      virtual_hosts: [{ name: "app", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "inbound", timeout: "0s" } }] }],
    },
  };
  const json: JsonValue = {
    name: "inbound",
    traffic_direction: "INBOUND",
    enable_reuse_port: false,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    listener_filters: withTls ? [tlsInspector] : [],
    filter_chains: [
      ...(withTls
        ? [
            {
              filter_chain_match: { transport_protocol: "tls" },
              filters: [{ name: "http", typed_config: manager }],
              transport_socket: tlsSocket,
            },
          ]
        : []),
      { filters: [{ name: "http", typed_config: manager }] },
    ],
  };
  return create(ResourceSchema, { name: "inbound", version: "1", resource: packAny(ListenerSchema, parseJson(ListenerSchema, json)) });
}
