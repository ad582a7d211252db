import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { freePorts } from "@legation/consul/testing";
import { certificateFiles } from "@legation/contract";
import { afterEach, expect, it } from "vitest";
import { findEnvoy, toolsDirectory } from "../envoy/binary.js";
import { exchange } from "../http-exchange.js";
import { createIssuer } from "../testing/issuer.js";
import { startTied } from "../testing/tied-process.js";
import { until } from "../testing/until.js";
import { writeCertificates } from "./files.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const sds = (directory: string, name: "leaf" | "roots") => ({
  name,
  sds_config: {
    path_config_source: { path: join(directory, `${name}.sds.json`), watched_directory: { path: directory } },
    resource_api_version: "V3",
  },
});

/** An Envoy that answers 200 to clients with a certificate, its own files being those of a directory. */
async function startEnvoy(directory: string): Promise<{ port: number; admin: string }> {
  const [port = 0, admin = 0] = await freePorts(2);
  const at = (value: number) => ({ socket_address: { address: "127.0.0.1", port_value: value } });
  const type = (name: string) => ({ "@type": `type.googleapis.com/envoy.extensions.${name}` });
  const manager = {
    ...type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "in",
    route_config: {
      virtual_hosts: [{ name: "a", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] }],
    },
    http_filters: [{ name: "router", typed_config: type("filters.http.router.v3.Router") }],
  };
  const tls = {
    ...type("transport_sockets.tls.v3.DownstreamTlsContext"),
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [sds(directory, "leaf")],
      validation_context_sds_secret_config: sds(directory, "roots"),
    },
  };
  const chain = { filters: [{ name: "http", typed_config: manager }], transport_socket: { name: "tls", typed_config: tls } };
  const bootstrap = {
    node: { id: "n", cluster: "c" },
    admin: { address: at(admin) },
    static_resources: { listeners: [{ name: "in", address: at(port), filter_chains: [chain] }] },
  };
  const path = join(mkdtempSync(join(tmpdir(), "legation-rotation-")), "bootstrap.json");
  writeFileSync(path, JSON.stringify(bootstrap));
  const binary = findEnvoy({
    ...(process.env["ENVOY_BIN"] ? { configured: process.env["ENVOY_BIN"] } : {}),
    path: "",
    tools: toolsDirectory,
  });
  const end = startTied(binary, ["-c", path, "--disable-hot-restart", "--concurrency", "1", "-l", "error"]);
  ends.push(() => rmSync(join(path, ".."), { recursive: true, force: true }), end);
  await until(
    "Envoy is ready",
    async () => (await exchange(`http://127.0.0.1:${admin}/ready`, { timeoutMs: 1_000 })).body.trim() === "LIVE",
  );
  return { port, admin: `127.0.0.1:${admin}` };
}

it("switches key, leaf and roots together: no reader and no handshake of a hundred rotations finds two of different versions", {
  timeout: 180_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), "legation-rotation-"));
  ends.push(() => rmSync(directory, { recursive: true, force: true }));
  const [old, young] = [createIssuer(), createIssuer()];
  const [from, to] = [Date.now() - 60_000, Date.now() + 3_600_000];
  const leaves = [old, young, old, young].map((issuer, i) => ({
    leaf: issuer.leaf("orders", from, to + i * 60_000),
    roots: [old.root, young.root],
  }));
  const client = young.leaf("client", from, to);
  const put = (n: number): void => {
    const set = leaves[n % leaves.length];
    if (set) writeCertificates(directory, set);
  };
  put(0);
  const { port, admin } = await startEnvoy(directory);
  const handshake = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const trust = { ca: [old.root, young.root], cert: client.chain, key: client.key, checkServerIdentity: () => undefined };
      const socket = connect({ host: "127.0.0.1", port, ...trust }, () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
        socket.destroy();
      });
      socket.once("error", reject);
    });
  const seen = new Set<string>();
  for (let turn = 1; turn <= 100; turn++) {
    const underWay = [handshake(), handshake()];
    put(turn);
    put(turn + 1);
    for (const serial of await Promise.all([...underWay, handshake()])) seen.add(serial);
  }
  expect(seen.size).toBe(leaves.length);
  const { body } = await exchange(
    `http://${admin}/stats?filter=(key_rotation_failed|update_rejected|ssl_context_update_by_sds|fail_verify)`,
    { timeoutMs: 2_000 },
  );
  const stat = (name: RegExp) =>
    body
      .split("\n")
      .filter((line) => name.test(line))
      .map((line) => Number(line.split(": ")[1]));
  expect(Math.max(...stat(/key_rotation_failed|update_rejected|fail_verify/))).toBe(0);
  expect(Math.max(...stat(/ssl_context_update_by_sds/))).toBeGreaterThan(50);
  expect(readFileSync(join(directory, certificateFiles.key), "utf8")).toBe(leaves[101 % leaves.length]?.leaf.key);
});
