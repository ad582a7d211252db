/** An Envoy that connects to xDS by mutual TLS with whatever certificate and name it is given, for tests of who is let in. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeNodeMetadata, type NodeMetadata } from "@legation/contract";
import { type ConsulProcess, createEnvoyAdmin, type EnvoyAdmin, findEnvoy, type Sandbox } from "@legation/local";

/** A certificate with its key and the roots, PEM; Consul's words. */
export interface Leaf {
  readonly key: string;
  readonly cert: string;
  readonly roots: string;
}

/** The certificate of a service, with the roots, as Consul issues it to anybody without ACLs. */
export async function leafOf(consul: ConsulProcess, service: string): Promise<Leaf> {
  const leaf = await consul.get<{ CertPEM: string; PrivateKeyPEM: string }>(`/v1/agent/connect/ca/leaf/${service}`);
  const { Roots } = await consul.get<{ Roots: { RootCert: string }[] }>("/v1/agent/connect/ca/roots");
  return { cert: leaf.CertPEM, key: leaf.PrivateKeyPEM, roots: Roots.map(({ RootCert }) => RootCert).join("\n") };
}

/** What such an Envoy says of itself and shows. */
export interface XdsEnvoyRun {
  readonly name: string;
  /** `host:port` of xDS. */
  readonly xds: string;
  readonly id: string;
  /** Its `node.cluster`. */
  readonly cluster: string;
  /** The service in its metadata. */
  readonly service: string;
  /** Without one it speaks plain text. */
  readonly leaf: Leaf | undefined;
  /** The only SPIFFE ID that the control plane may have. */
  readonly expects: string;
}

/** A running one. */
export interface XdsEnvoy {
  readonly admin: EnvoyAdmin;
  /** The file of its log. */
  readonly log: string;
  stop(): Promise<unknown>;
}

/** Starts it; resolves when the process runs, whether it is let in or not. */
export async function startXdsEnvoy(sandbox: Sandbox, run: XdsEnvoyRun): Promise<XdsEnvoy> {
  const [dir, port] = [sandbox.makeDir(run.name), await sandbox.ports.free()];
  writeFileSync(join(dir, "bootstrap.json"), JSON.stringify(bootstrap(run, dir, port)));
  const args = ["-c", join(dir, "bootstrap.json"), "--disable-hot-restart", "--concurrency", "1", "-l", "warning"];
  const child = await sandbox.start({ name: run.name, file: findEnvoy().path, args });
  return { admin: createEnvoyAdmin(`127.0.0.1:${port}`), log: child.log, stop: () => child.stop(10_000) };
}

function bootstrap({ id, cluster, service, xds, leaf, expects }: XdsEnvoyRun, dir: string, adminPort: number): object {
  const [address, xdsPort] = xds.split(":");
  const metadata: NodeMetadata = {
    ...{ api: 1, service, kind: "sidecar", inbound: "127.0.0.1:1", app: "127.0.0.1:2", outbound: "127.0.0.1:3" },
    ...{ protocol: "http", dependencies: [{ name: "stock", optional: true }] },
  };
  const socket = (port: number) => ({ socket_address: { address: address ?? "", port_value: port } });
  const ads = { resource_api_version: "V3", ads: {} };
  return {
    node: { id, cluster, metadata: { legation: encodeNodeMetadata(metadata) } },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: adminPort } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: "xds",
          type: "STATIC",
          connect_timeout: "5s",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: "xds", endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(Number(xdsPort)) } }] }] },
          ...(leaf ? { transport_socket: tlsSocket(leaf, dir, expects) } : {}),
        },
      ],
    },
  };
}

function tlsSocket(leaf: Leaf, dir: string, expects: string): object {
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return { filename: join(dir, name) };
  };
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      common_tls_context: {
        alpn_protocols: ["h2"],
        tls_certificates: [{ certificate_chain: file("leaf.pem", leaf.cert), private_key: file("leaf.key", leaf.key) }],
        validation_context: {
          trusted_ca: file("roots.pem", leaf.roots),
          match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: expects } }],
        },
      },
    },
  };
}
