/** What a real Envoy's dump says of resources that are in use, warm, drain, or could not be put into effect. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endpointMark, type HeldResource } from "@legation/contract";
import { expect, test } from "vitest";
import { startTied } from "../testing/tied-process.js";
import { until } from "../testing/until.js";
import { createEnvoyAdmin } from "./admin.js";
import { findEnvoy, toolsDirectory } from "./binary.js";
import { readEnvoyConfig } from "./config-dump.js";

const type = (name: string) => `type.googleapis.com/envoy.${name}`;
const address = (port: number, host = "127.0.0.1") => ({ socket_address: { address: host, port_value: port } });

/** A cluster with fixed addresses, or one that waits for endpoints which nobody sends. */
function cluster(name: string, ports?: readonly number[]) {
  const endpoints = (ports ?? []).map((port) => ({ endpoint: { address: address(port) } }));
  const eds = { eds_config: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" } };
  const kind = ports
    ? { type: "STATIC", load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] } }
    : { type: "EDS", eds_cluster_config: eds };
  return { "@type": type("config.cluster.v3.Cluster"), name, ...kind };
}

function listener(name: string, host: string, to: string) {
  const proxy = { "@type": type("extensions.filters.network.tcp_proxy.v3.TcpProxy"), stat_prefix: name, cluster: to };
  const filters = [{ name: "tcp", typed_config: proxy }];
  return {
    "@type": type("config.listener.v3.Listener"),
    name,
    address: address(0, host),
    filter_chains: [{ filters }],
    drain_type: "DEFAULT",
  };
}

test("is read with names, versions and states", { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "legation-dump-"));
  const file = (name: string) => join(directory, name);
  /** Envoy looks at what is moved into its place. */
  const write = (name: string, version: string, resources: readonly object[]): void => {
    writeFileSync(file("next"), JSON.stringify({ version_info: version, resources }));
    renameSync(file("next"), file(name));
  };
  const source = (name: string) => ({ path_config_source: { path: file(name) }, resource_api_version: "V3" });
  const nowhere = { name: "nowhere", type: "STATIC", load_assignment: { cluster_name: "nowhere" } };
  const ads = { api_type: "DELTA_GRPC", transport_api_version: "V3", grpc_services: [{ envoy_grpc: { cluster_name: "nowhere" } }] };
  const bootstrap = {
    node: { id: "n1/web-1", cluster: "web" },
    static_resources: { clusters: [nowhere] },
    dynamic_resources: { cds_config: source("cds.json"), lds_config: source("lds.json"), ads_config: ads },
    admin: { address: address(0) },
  };
  write("cds.json", "c1", [cluster("orders", [81, 80])]);
  write("lds.json", "l1", [listener("outbound", "127.0.0.1", "orders"), listener("inbound", "127.0.0.1", "orders")]);
  writeFileSync(file("envoy.json"), JSON.stringify(bootstrap));
  const envoy = findEnvoy({ configured: undefined, path: process.env["PATH"], tools: toolsDirectory });
  const args = ["-c", file("envoy.json"), "--disable-hot-restart", "--concurrency", "1", "--admin-address-path", file("admin")];
  const end = startTied(process.env["ENVOY_BIN"] ?? envoy, args);
  try {
    const admin = await until("Envoy's admin port", async () => {
      const at = readFileSync(file("admin"), "utf8");
      return at.includes(":") && createEnvoyAdmin(at, "http");
    });
    const held = async () => (await readEnvoyConfig(admin.dump)).held;
    const eventually = (what: string, wanted: (rows: readonly HeldResource[]) => boolean, of: "cluster" | "listener") =>
      until(what, async () => {
        const now = await held();
        return wanted(now[of]) && now;
      });
    const first = await eventually(
      "both listeners",
      (rows) => rows.length === 2 && rows.every(({ state }) => state === undefined),
      "listener",
    );
    expect(first).toEqual({
      cluster: [{ name: "orders", version: "c1" }],
      endpoints: expect.arrayContaining([{ name: "orders", version: endpointMark(["127.0.0.1:80", "127.0.0.1:81"]) }]),
      listener: expect.arrayContaining([
        { name: "inbound", version: "l1" },
        { name: "outbound", version: "l1" },
      ]),
      ...{ routes: [], extension: [], secret: [] },
    });
    write("cds.json", "c2", [cluster("orders", [80]), cluster("late")]);
    const warming = await eventually("the new cluster", (rows) => rows.length === 2, "cluster");
    expect(warming.cluster).toEqual([
      { name: "orders", version: "c2" },
      { name: "late", version: "c2", state: "warming", since: expect.stringMatching(/^20\d\d-/) },
    ]);
    expect(warming.endpoints).toContainEqual({ name: "orders", version: endpointMark(["127.0.0.1:80"]) });
    write("lds.json", "l2", [listener("outbound", "127.0.0.1", "orders"), listener("broken", "203.0.113.7", "orders")]);
    const changed = await eventually("the changed listeners", (rows) => rows.some(({ name }) => name === "broken"), "listener");
    const failed = changed.listener.find(({ name }) => name === "broken");
    expect(failed).toMatchObject({
      state: "failed",
      message: expect.stringContaining("203.0.113.7"),
      since: expect.stringMatching(/^20\d\d-/),
    });
    const leaving = changed.listener.filter(({ name }) => name === "inbound");
    expect(leaving.every(({ state }) => state === "draining")).toBe(true);
    admin.close();
  } finally {
    await end();
    rmSync(directory, { recursive: true, force: true });
  }
});
