/** A gRPC application as the client, without an Envoy: `xds:///orders` through gRPC's own xDS implementation. */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { parseJson } from "@legation/envoy-api";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { afterEach, expect, it } from "vitest";
import { createResourceCache } from "./cache.js";
import { createResource, type Resource } from "./resource.js";
import { createXdsServer } from "./server.js";
import { eventually } from "./testing/real-envoy.js";

const ads = { ads: {}, resourceApiVersion: "V3" };
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A gRPC server whose one method answers with a word; returns its port. */
async function backend(word: string): Promise<number> {
  const server = new Server();
  const same = (bytes: Buffer) => bytes;
  const method = { path: "/test.Word/Get", requestStream: false, responseStream: false, requestSerialize: same, requestDeserialize: same };
  const get: handleUnaryCall<Buffer, Buffer> = (_, callback) => callback(null, Buffer.from(word));
  server.addService({ get: { ...method, responseSerialize: same, responseDeserialize: same } }, { get });
  cleanups.push(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
}

function listener(): Resource {
  const apiListener = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    rds: { routeConfigName: "orders", configSource: ads },
    httpFilters: [{ name: "router", typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }],
  };
  return createResource(ListenerSchema, "orders", parseJson(ListenerSchema, { name: "orders", apiListener: { apiListener } }));
}

function routes(cluster: string): Resource {
  const virtualHosts = [{ name: "orders", domains: ["*"], routes: [{ match: { prefix: "" }, route: { cluster } }] }];
  return createResource(RouteConfigurationSchema, "orders", parseJson(RouteConfigurationSchema, { name: "orders", virtualHosts }));
}

function cluster(name: string): Resource {
  const json = { name, type: "EDS", edsClusterConfig: { edsConfig: ads }, lbPolicy: "ROUND_ROBIN" };
  return createResource(ClusterSchema, name, parseJson(ClusterSchema, json));
}

function endpoints(clusterName: string, ports: readonly number[], health: Readonly<Record<number, string>> = {}): Resource {
  const lbEndpoints = ports.map((portValue) => ({
    healthStatus: health[portValue] ?? "HEALTHY",
    endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue } } },
  }));
  const json = { clusterName, endpoints: [{ locality: { region: "north", zone: "a" }, loadBalancingWeight: 1, lbEndpoints }] };
  return createResource(ClusterLoadAssignmentSchema, clusterName, parseJson(ClusterLoadAssignmentSchema, json));
}

it("balances over healthy endpoints, drops a removed one, and follows a route to another cluster", async () => {
  const [one, two, three] = [await backend("one"), await backend("two"), await backend("three")];
  const cache = createResourceCache();
  cache.replace("all", [listener(), routes("v1"), cluster("v1"), endpoints("v1", [one, two, three], { [three]: "UNHEALTHY" })]);
  const server = createXdsServer({ cache, view: () => ({ layers: ["all"] }) });
  const { port } = await server.listen("127.0.0.1:0");
  cleanups.push(() => server.stop({ graceMs: 0 }));
  const words = await startCaller(port);
  await eventually(() => words.recent().size === 2 && words.recent().has("one") && words.recent().has("two"));
  cache.patch("all", { set: [endpoints("v1", [two])] });
  await eventually(() => [...words.recent()].join() === "two");
  cache.patch("all", { set: [cluster("v2"), endpoints("v2", [three]), routes("v2")] });
  await eventually(() => [...words.recent()].join() === "three");
  expect(words.failures()).toEqual([]);
  expect(server.status()[0]?.types.every(({ rejected }) => rejected.length === 0)).toBe(true);
});

/** A process of its own that calls `xds:///orders` all the time, because the xDS bootstrap is read once per process. */
async function startCaller(xdsPort: number): Promise<{ recent(): ReadonlySet<string>; failures(): readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), "legation-grpc-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const bootstrap = join(directory, "bootstrap.json");
  const servers = [{ server_uri: `127.0.0.1:${xdsPort}`, channel_creds: [{ type: "insecure" }], server_features: ["xds_v3"] }];
  writeFileSync(bootstrap, JSON.stringify({ xds_servers: servers, node: { id: "grpc-1", locality: { region: "north", zone: "a" } } }));
  const child = fork(new URL("./testing/grpc-caller.mjs", import.meta.url), { env: { ...process.env, GRPC_XDS_BOOTSTRAP: bootstrap } });
  cleanups.push(
    () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill("SIGKILL");
      }),
  );
  const answers: string[] = [];
  const failures: string[] = [];
  child.on("message", ({ word, failure }: { word?: string; failure?: string }) => {
    if (word !== undefined) answers.push(word);
    else failures.push(failure ?? "");
  });
  return { recent: () => new Set(answers.length < 20 ? [] : answers.slice(-20)), failures: () => failures };
}
