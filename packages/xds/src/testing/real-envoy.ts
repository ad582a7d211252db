/** A real Envoy that takes its configuration from an xDS server over ADS. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Variant } from "../frame.js";

/** What the bootstrap says. */
export interface EnvoyOptions {
  readonly id: string;
  readonly xdsPort: number;
  readonly variant: Variant;
  /** Fields that are laid over the bootstrap. */
  readonly bootstrap?: Readonly<Record<string, unknown>>;
}

/** A running Envoy. */
export interface RealEnvoy {
  /** `GET` on the admin page. */
  admin(path: string): Promise<string>;
  /** A counter or gauge; 0 when it does not exist. */
  stat(name: string): Promise<number>;
  /** The port that the named listener was given; undefined while there is none. */
  port(listener: string): Promise<number | undefined>;
  /** Ends the process and removes its files. */
  stop(): Promise<void>;
}

/** Envoy's binary: `ENVOY_BIN`, then `PATH`, then the repository's `.tools`. Throws with the command that installs it. */
function envoyBinary(): string {
  const fromPath = (process.env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, "envoy"));
  const installed = fileURLToPath(new URL("../../../../.tools/envoy-1.40.0/envoy/_bin/envoy", import.meta.url));
  const found = [process.env["ENVOY_BIN"] ?? "", ...fromPath, installed].find((path) => path !== "" && existsSync(path));
  if (!found) throw new Error("no Envoy: run `npm run setup`, or set ENVOY_BIN");
  return found;
}

/** Starts an Envoy and returns when its admin page answers, which is before it has its configuration. */
export async function startEnvoy(options: EnvoyOptions): Promise<RealEnvoy> {
  const directory = mkdtempSync(join(tmpdir(), "legation-xds-"));
  const bootstrap = join(directory, "bootstrap.json");
  const adminFile = join(directory, "admin");
  writeFileSync(bootstrap, JSON.stringify(bootstrapOf(options)));
  const args = ["-c", bootstrap, "--disable-hot-restart", "--concurrency", "1", "--admin-address-path", adminFile, "-l", "warning"];
  const child = spawn(envoyBinary(), args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log = (log + String(chunk)).slice(-20_000);
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  const admin = async (path: string) => (await fetch(`http://${readFileSync(adminFile, "utf8")}${path}`)).text();
  try {
    await eventually(() => alive(child, () => log) && existsSync(adminFile) && readFileSync(adminFile, "utf8").includes(":"));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    admin,
    stop,
    stat: async (name) => Number(/: (\d+)/.exec(await admin(`/stats?filter=^${name.replaceAll(".", "\\.")}$`))?.[1] ?? 0),
    port: async (listener) => {
      const { listener_statuses = [] } = JSON.parse(await admin("/listeners?format=json")) as {
        listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[];
      };
      return listener_statuses.find(({ name }) => name === listener)?.local_address.socket_address.port_value;
    },
  };
}

/** Waits until a condition holds, up to 25 s, and returns what it returned. Throws what it threw last. */
export async function eventually<T>(condition: () => T | Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  const limit = Date.now() + 25_000;
  let last: unknown = new Error("the condition never held");
  while (Date.now() < limit) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<T, false>>;
    } catch (error) {
      last = error;
      if (error instanceof EnvoyExited) break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw last;
}

class EnvoyExited extends Error {}

function alive(child: ChildProcess, log: () => string): boolean {
  if (child.exitCode !== null) throw new EnvoyExited(`Envoy exited with ${child.exitCode}: ${log()}`);
  return true;
}

function bootstrapOf({ id, xdsPort, variant, bootstrap }: EnvoyOptions): Record<string, unknown> {
  const ads = { resource_api_version: "V3", ads: {} };
  return {
    node: { id, cluster: "test", locality: { region: "north", zone: "a" } },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: variant === "delta" ? "DELTA_GRPC" : "GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: { clusters: [xdsCluster(xdsPort)] },
    ...bootstrap,
  };
}

function xdsCluster(port: number): Record<string, unknown> {
  return {
    name: "xds",
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: "xds",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }] }],
    },
  };
}
