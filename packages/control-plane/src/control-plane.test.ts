import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Consul, createConsul } from "@legation/consul";
import { type ConsulServer, newestConsul, startConsulServer } from "@legation/consul/testing";
import { controlPlaneService, leavingPath, type NodeMetadata } from "@legation/contract";
import type { HealthView, ProxyView } from "@legation/contract/api";
import { createLifecycle, createLogger, loadConfig, systemClock } from "@legation/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { controlPlaneOptions } from "./config.js";
import { startControlPlane } from "./control-plane.js";
import type { Ready } from "./state/ready-file.js";
import { type Envoy, type EnvoyEndpoints, startEnvoy } from "./testing/envoy.js";
import { until } from "./testing/until.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface Running extends Ready {
  readonly log: readonly Record<string, unknown>[];
  stop(): Promise<void>;
}

interface Proxies {
  readonly resourcesSent: number;
  readonly proxies: readonly ProxyView[];
}

let server: ConsulServer;
let consul: Consul;
let stateDir: string;
let ends: (() => Promise<unknown>)[];

beforeAll(async () => {
  server = await startConsulServer({ version: newestConsul(), durable: true });
  consul = createConsul({ address: server.url });
});
afterAll(async () => {
  consul.close();
  await server.stop();
});
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "legation-control-plane-"));
  ends = [() => rm(stateDir, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
});

async function controlPlane(): Promise<Running> {
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({ name: "test", level: "debug", destination: { write: (line: string) => log.push(JSON.parse(line)) } });
  const lifecycle = createLifecycle(logger);
  const argv = ["--xds-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--consul-addr", server.url];
  const { values: config } = loadConfig(controlPlaneOptions, { argv });
  const stop = () => lifecycle.stop("the test is over");
  ends.push(stop);
  const ready = await startControlPlane({ config, stateDir, clock: systemClock, log: logger, lifecycle });
  return { ...ready, log, stop };
}

async function envoy(xds: string, change: Partial<NodeMetadata> = {}): Promise<Envoy> {
  const metadata: NodeMetadata = {
    api: 1,
    service: "web",
    kind: "sidecar",
    inbound: `127.0.0.1:${await freePort()}`,
    app: "127.0.0.1:9",
    outbound: `127.0.0.1:${await freePort()}`,
    protocol: "http",
    dependencies: ["orders", "payments"].map((name) => ({ name, optional: false })),
    ...change,
  };
  const started = await startEnvoy({ id: `n1/${metadata.service}-1`, metadata, xds });
  ends.push(started.stop);
  return started;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** An application that answers with its id, registered in Consul without an agent; deregistered at the end. */
async function application(service: string, id: string): Promise<string> {
  const app: Server = createServer((_request, response) => response.end(id)).listen(0, "127.0.0.1");
  await new Promise((resolve) => app.once("listening", resolve));
  const { port } = app.address() as { port: number };
  const check = { CheckID: `${id}-ttl`, Name: "ttl", TTL: "1h", Status: "passing" } as const;
  await consul.agent.register({ ID: id, Name: service, Address: "127.0.0.1", Port: port, Checks: [check] });
  // Consul keeps a TTL check's state over a restart only after an update.
  await consul.agent.checkUpdate(check.CheckID, "passing", "fine");
  ends.push(async () => {
    app.closeAllConnections();
    app.close();
    await consul.agent.deregister(id).catch(() => undefined);
  });
  return `127.0.0.1:${port}`;
}

async function get<T>(api: string, path: string): Promise<T> {
  const answer = await fetch(`${api}${path}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
}

const shows = (proxy: Envoy, cluster: string, expected: EnvoyEndpoints) =>
  until(`${cluster} to be ${JSON.stringify(expected)}`, async () => {
    const found = await proxy.endpoints(cluster);
    return JSON.stringify(sorted(found)) === JSON.stringify(sorted(expected));
  });
const sorted = (endpoints: EnvoyEndpoints = {}) => Object.entries(endpoints).sort();

test("what is registered in Consul alone becomes clusters, endpoints and answered requests in Envoy, and follows each change", async () => {
  const first = await application("orders", "orders-1");
  const plane = await controlPlane();
  const proxy = await envoy(plane.xds);
  await shows(proxy, "orders", { [first]: "HEALTHY" });
  await shows(proxy, "payments", {});
  await until("both listeners", async () => (await proxy.listeners()).join() === "inbound,outbound");
  const second = await application("orders", "orders-2");
  await shows(proxy, "orders", { [first]: "HEALTHY", [second]: "HEALTHY" });
  await consul.agent.checkUpdate("orders-1-ttl", "critical", "broken");
  await shows(proxy, "orders", { [first]: "UNHEALTHY", [second]: "HEALTHY" });
  const outbound = await until("the outbound address", () => proxy.outbound());
  expect(await through(outbound, "orders")).toBe("orders-2");
  await consul.agent.deregister("orders-1");
  await shows(proxy, "orders", { [second]: "HEALTHY" });

  const { services } = await get<{ services: Record<string, { endpoints: object; instances: { id: string; reason: string }[] }> }>(
    plane.http,
    "/services",
  );
  expect(services["orders"]?.endpoints).toMatchObject({ healthy: 1, unhealthy: 0 });
  expect(services["orders"]?.instances).toMatchObject([{ id: "orders-2", health: "HEALTHY", reason: "passing" }]);
  expect(services[controlPlaneService]).toBeUndefined();
  const health = await get<HealthView>(plane.http, "/health");
  expect(health).toMatchObject({
    status: "ok",
    catalog: { origin: "consul" },
    consul: { connected: true, complete: true },
    xds: { streams: 1 },
  });
  expect(health.problems.map((p) => p.message).join()).toContain("payments is not registered");
});

/** A request for `host` by way of the outbound listener; the body. */
async function through(outbound: string, host: string): Promise<string> {
  const [hostname, port] = outbound.split(":");
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: "/", headers: { host } }, async (response) => {
      let body = "";
      for await (const chunk of response) body += chunk;
      resolve(body);
    })
      .on("error", reject)
      .end();
  });
}

test("an instance that says it leaves is DRAINING in Envoy before Consul knows", async () => {
  const first = await application("orders", "orders-1");
  const second = await application("orders", "orders-2");
  const plane = await controlPlane();
  const proxy = await envoy(plane.xds);
  await shows(proxy, "orders", { [first]: "HEALTHY", [second]: "HEALTHY" });
  const leave = (id: string) =>
    fetch(`${plane.http}${leavingPath}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ node: "test-server", id, service: "orders" }),
    }).then((answer) => answer.json());
  expect(await leave("orders-1")).toMatchObject({ accepted: true, subscribers: 1, laggards: [], silent: [] });
  // The proxy has acknowledged, so that it shows the state without any wait.
  expect(sorted(await proxy.endpoints("orders"))).toEqual(sorted({ [first]: "DRAINING", [second]: "HEALTHY" }));
  expect(await leave("orders-9")).toMatchObject({ accepted: false, subscribers: 1 });
});

test("a restart keeps its ports, serves what it knew, and sends a connected Envoy nothing anew", async () => {
  const first = await application("orders", "orders-1");
  const before = await controlPlane();
  const proxy = await envoy(before.xds);
  await shows(proxy, "orders", { [first]: "HEALTHY" });
  expect((await get<Proxies>(before.http, "/api/proxies")).resourcesSent).toBeGreaterThan(5);
  await before.stop();
  expect(await proxy.endpoints("orders")).toEqual({ [first]: "HEALTHY" });
  const after = await controlPlane();
  expect([after.xds, after.http]).toEqual([before.xds, before.http]);
  const proxies = await until("Envoy to hold all it had", async () => {
    const now = await get<Proxies>(after.http, "/api/proxies");
    const types = now.proxies[0]?.types ?? [];
    return ["cluster", "endpoints", "listener", "routes"].every((type) => types.some((t) => t.type === type && t.acknowledged > 0)) && now;
  });
  await until("a complete read", async () => (await get<HealthView>(after.http, "/health")).consul.complete);
  expect(proxies.resourcesSent).toBe(0);
  const second = await application("orders", "orders-2");
  await shows(proxy, "orders", { [first]: "HEALTHY", [second]: "HEALTHY" });
  expect((await get<Proxies>(after.http, "/api/proxies")).resourcesSent).toBe(1);
});

test("a resource that Envoy refuses harms no other, and the log says whose it is", async () => {
  const first = await application("orders", "orders-1");
  const plane = await controlPlane();
  const proxy = await envoy(plane.xds, { inbound: "203.0.113.1:20000" });
  await shows(proxy, "orders", { [first]: "HEALTHY" });
  const outbound = await until("the outbound listener", () => proxy.outbound());
  // Envoy lists a listener a moment before it takes connections there.
  expect(await until("an answer", () => through(outbound, "orders").catch(() => undefined))).toBe("orders-1");
  const nack = await until("the refusal in the log", () => plane.log.find((line) => line["event"] === "xds.nack" && line["isolated"]));
  expect(nack).toMatchObject({ type: "listener", resources: [{ name: "inbound", provenance: { service: "web" } }] });
  const second = await application("orders", "orders-2");
  await shows(proxy, "orders", { [first]: "HEALTHY", [second]: "HEALTHY" });
  const [seen] = (await get<Proxies>(plane.http, "/api/proxies?service=web")).proxies;
  const listener = seen?.types.find((type) => type.type === "listener");
  expect(listener?.rejected).toMatchObject([{ name: "inbound", provenance: { service: "web" } }]);
  const refusals = plane.log.filter((line) => line["event"] === "xds.nack").length;
  expect(refusals).toBeLessThan(10);
  const metrics = await (await fetch(`${plane.http}/metrics`)).text();
  expect(metrics).toContain(`legation_xds_nacks_total{type="listener"} ${refusals}`);
  expect(metrics).toContain("legation_xds_rejected_streams 1");
});

test("it is in Consul's registry while it runs, comes back when it was forgotten, and leaves at its end", async () => {
  const plane = await controlPlane();
  const id = `${controlPlaneService}-${new URL(plane.http).port}`;
  await until("the entry", () => consul.agent.service(id));
  await consul.agent.deregister(id);
  const entry = await until("the entry again", () => consul.agent.service(id));
  expect(entry.Meta).toMatchObject({ xds: plane.xds });
  expect(JSON.parse(await readFile(join(stateDir, "ready.json"), "utf8"))).toMatchObject({ xds: plane.xds, http: plane.http });
  await plane.stop();
  expect(await consul.agent.service(id)).toBeUndefined();
  await expect(readFile(join(stateDir, "ready.json"))).rejects.toThrow("ENOENT");
});

test("without Consul it starts with the last good state and says how old it is; an Envoy that starts then is served too", async () => {
  const first = await application("orders", "orders-1");
  const before = await controlPlane();
  await until("a complete read", async () => (await get<HealthView>(before.http, "/health").catch(() => undefined))?.consul.complete);
  await before.stop();
  await server.kill();
  const plane = await controlPlane();
  const proxy = await envoy(plane.xds);
  await shows(proxy, "orders", { [first]: "HEALTHY" });
  const health = await get<HealthView>(plane.http, "/health");
  expect(health).toMatchObject({ status: "stale", catalog: { origin: "disk" }, consul: { connected: false, complete: false } });
  expect(health.catalog.age).toBeGreaterThan(0);
  expect(health.consul.error).toContain(server.url);
  await server.restart({ keepData: true });
  await until("Consul to be read", async () => (await get<HealthView>(plane.http, "/health")).status === "ok");
  expect(await proxy.endpoints("orders")).toEqual({ [first]: "HEALTHY" });
});

test("without Consul and without a state, a proxy waits instead of being told that there is nothing", async () => {
  await server.kill();
  try {
    const plane = await controlPlane();
    const proxy = await envoy(plane.xds);
    const health = async () => (await (await fetch(`${plane.http}/health`)).json()) as HealthView;
    await until("Envoy to be connected", async () => (await health()).xds.streams === 1);
    expect((await fetch(`${plane.http}/health`)).status).toBe(503);
    // Whether this Consul uses ACLs, nobody has ever said.
    expect((await fetch(`${plane.http}/api/proxies`)).status).toBe(503);
    expect(await proxy.endpoints("orders")).toBeUndefined();
    await server.restart({ keepData: true });
    const first = await application("orders", "orders-1");
    await shows(proxy, "orders", { [first]: "HEALTHY" });
  } finally {
    if (server.pid === 0) await server.restart({ keepData: true });
  }
});

test("a taken port is named with the flag that changes it, and what had been started is stopped", async () => {
  const other = await controlPlane();
  const { host } = new URL(other.http);
  const { values: config } = loadConfig(controlPlaneOptions, {
    argv: ["--http-addr", host, "--xds-addr", "127.0.0.1:0", "--consul-addr", server.url],
  });
  const log = createLogger({ name: "test", level: "silent" });
  const lifecycle = createLifecycle(log);
  const second = await mkdtemp(join(tmpdir(), "legation-control-plane-"));
  ends.push(() => rm(second, { recursive: true, force: true }));
  await expect(startControlPlane({ config, stateDir: second, clock: systemClock, log, lifecycle })).rejects.toMatchObject({
    code: "listen.in-use",
    message: expect.stringMatching(/port \d+ is in use.*--http-addr/),
  });
  await lifecycle.stop("the test is over");
});
