/** A real Envoy with a bootstrap that carries nothing but who it is and where the control plane listens. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeNodeMetadata, type NodeMetadata } from "@legation/contract";
import { until } from "./until.js";

/** An endpoint as Envoy holds it, by `host:port`. */
export type EnvoyEndpoints = Readonly<Record<string, string>>;

/** A running Envoy. */
export interface Envoy {
  /** Its outbound listener's address; undefined until it has one. */
  outbound(): Promise<string | undefined>;
  /** The names of the listeners that are active. */
  listeners(): Promise<string[]>;
  /** The endpoints of a cluster with EDS's word for each; undefined while Envoy does not have the cluster. */
  endpoints(cluster: string): Promise<EnvoyEndpoints | undefined>;
  /** Counters and gauges whose names match. */
  stats(names: RegExp): Promise<Readonly<Record<string, number>>>;
  /** What it has written to its standard output. */
  output(): string;
  stop(): Promise<void>;
}

interface Address {
  readonly socket_address: { readonly address: string; readonly port_value: number };
}

interface HostStatus {
  readonly address: Address;
  readonly health_status: { readonly eds_health_status?: string };
}

/** Ends the program as soon as the shell's input closes, which happens however the test's process ends. */
const tied = '"$@" </dev/null & cat >/dev/null; kill -9 $! 2>/dev/null; wait';

/** Starts an Envoy; resolves when its admin page answers. `xds` is `host:port`. */
export async function startEnvoy(o: { id: string; metadata: NodeMetadata; xds: string; zone?: string }): Promise<Envoy> {
  const dir = mkdtempSync(join(tmpdir(), "legation-envoy-"));
  const adminFile = join(dir, "admin");
  writeFileSync(join(dir, "bootstrap.json"), JSON.stringify(bootstrap(o)));
  const args = [
    "-c",
    join(dir, "bootstrap.json"),
    "--disable-hot-restart",
    "--concurrency",
    "1",
    "--admin-address-path",
    adminFile,
    "--file-flush-interval-msec",
    "100",
  ];
  const outputFile = join(dir, "output");
  const output = openSync(outputFile, "a");
  const child = spawn("sh", ["-c", tied, "sh", binary(), ...args, "-l", "error"], { stdio: ["pipe", output, "ignore"], detached: true });
  closeSync(output);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const read = async <T>(path: string) => (await (await fetch(`http://${readFileSync(adminFile, "utf8")}${path}`)).json()) as T;
  const listeners = async () =>
    (await read<{ listener_statuses?: { name: string; local_address: Address }[] }>("/listeners?format=json")).listener_statuses ?? [];
  const stop = async () => {
    child.stdin?.end();
    await exited;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await until("Envoy's admin page", async () => existsSync(adminFile) && (await listeners()) !== undefined);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async outbound() {
      const address = (await listeners()).find(({ name }) => name === "outbound")?.local_address.socket_address;
      return address && `${address.address}:${address.port_value}`;
    },
    listeners: async () => (await listeners()).map(({ name }) => name).sort(),
    async endpoints(cluster) {
      type Clusters = { cluster_statuses?: { name: string; host_statuses?: HostStatus[] }[] };
      const { cluster_statuses = [] } = await read<Clusters>("/clusters?format=json");
      const found = cluster_statuses.find(({ name }) => name === cluster);
      const entries = found?.host_statuses?.map(({ address: { socket_address: a }, health_status: h }) => [
        `${a.address}:${a.port_value}`,
        h.eds_health_status ?? "UNKNOWN",
      ]);
      return found && Object.fromEntries(entries ?? []);
    },
    async stats(names) {
      const { stats } = await read<{ stats: { name?: string; value?: number }[] }>("/stats?format=json");
      return Object.fromEntries(stats.flatMap(({ name = "", value = 0 }) => (names.test(name) ? [[name, value]] : [])));
    },
    output: () => readFileSync(outputFile, "utf8"),
    stop,
  };
}

function binary(): string {
  const fromPath = (process.env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, "envoy"));
  const installed = fileURLToPath(new URL("../../../../.tools/envoy-1.40.0/envoy/_bin/envoy", import.meta.url));
  const found = [process.env["ENVOY_BIN"] ?? "", ...fromPath, installed].find((path) => path !== "" && existsSync(path));
  if (!found) throw new Error("no Envoy: run `npm run setup`, or set ENVOY_BIN");
  return found;
}

function bootstrap(o: { id: string; metadata: NodeMetadata; xds: string; zone?: string }): object {
  const ads = { resource_api_version: "V3", ads: {} };
  const [address, port] = o.xds.split(":");
  const http2 = {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} },
  };
  const endpoint = { address: { socket_address: { address, port_value: Number(port) } } };
  return {
    node: {
      id: o.id,
      cluster: o.metadata.service,
      locality: { zone: o.zone ?? "" },
      metadata: { legation: encodeNodeMetadata(o.metadata) },
    },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: "xds",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 },
          load_assignment: { cluster_name: "xds", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
  };
}
