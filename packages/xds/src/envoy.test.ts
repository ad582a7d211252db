/** The server with a client that nobody here wrote: Envoy, over ADS, in both variants. */
import { afterEach, describe, expect, it } from "vitest";
import { createResourceCache } from "./cache.js";
import type { XdsEvent } from "./event.js";
import { createXdsServer, type XdsServer } from "./server.js";
import { clusterNamed, endpointsOf, listenerNamed, routesNamed } from "./testing/envoy-resources.js";
import { eventually, type RealEnvoy, startEnvoy } from "./testing/real-envoy.js";
import { startUpstream } from "./testing/upstream.js";
import { TypeUrl } from "./type.js";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server over a cache with one layer that every node sees. */
async function serve(cache = createResourceCache(), port = 0) {
  const events: XdsEvent[] = [];
  const server: XdsServer = createXdsServer({ cache, view: () => ({ layers: ["all"] }), onEvent: (event) => events.push(event) });
  const bound = await server.listen(`127.0.0.1:${port}`);
  cleanups.push(() => server.stop({ graceMs: 0 }));
  return { cache, server, events, port: bound.port };
}

async function envoy(xdsPort: number, variant: "delta" | "sotw", bootstrap = {}): Promise<RealEnvoy> {
  const running = await startEnvoy({ id: "node-1", xdsPort, variant, bootstrap });
  cleanups.push(() => running.stop());
  return running;
}

async function ask(proxy: RealEnvoy, listener: string, path = "/"): Promise<string> {
  const port = await eventually(() => proxy.port(listener));
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${await response.text()}`;
}

describe.each(["delta", "sotw"] as const)("Envoy over %s ADS", (variant) => {
  it("is configured, follows an endpoint, and its acknowledgement can be awaited", async () => {
    const [one, two] = [await startUpstream("one", cleanups), await startUpstream("two", cleanups)];
    const { cache, server, port, events } = await serve();
    cache.replace("all", [
      clusterNamed("orders"),
      endpointsOf("orders", one),
      listenerNamed("in", "routes"),
      routesNamed("routes", "orders"),
    ]);
    const proxy = await envoy(port, variant);
    await eventually(async () => (await ask(proxy, "in")) === "200 one");
    const moved = endpointsOf("orders", two);
    cache.patch("all", { set: [moved] });
    expect(await server.acknowledged(TypeUrl.endpoint, "orders", moved.version, { timeoutMs: 10_000 })).toEqual({ laggards: [] });
    await eventually(async () => (await ask(proxy, "in")) === "200 two");
    expect(events.filter((event) => event.kind === "nack")).toEqual([]);
    expect(server.status()[0]).toMatchObject({ node: "node-1", variant, ready: true });
  });

  it("refuses one cluster, keeps all others, and is not pestered with the refused one", async () => {
    const { cache, server, port, events } = await serve();
    const one = await startUpstream("one", cleanups);
    const bad = { ...clusterNamed("bad", "0s"), provenance: "policies/bad.yaml" };
    cache.replace("all", [
      clusterNamed("orders"),
      bad,
      endpointsOf("orders", one),
      listenerNamed("in", "routes"),
      routesNamed("routes", "orders"),
    ]);
    const proxy = await envoy(port, variant);
    await eventually(async () => (await ask(proxy, "in")) === "200 one");
    const refusal = await eventually(() => events.find((event) => event.kind === "nack"));
    expect(refusal).toMatchObject({
      typeUrl: TypeUrl.cluster,
      isolated: true,
      resources: [{ name: "bad", provenance: "policies/bad.yaml" }],
    });
    expect(await proxy.stat("cluster_manager.cds.update_rejected")).toBeLessThanOrEqual(3);
    cache.patch("all", { set: [clusterNamed("bad"), endpointsOf("bad", one)] });
    await eventually(() =>
      server
        .status()[0]
        ?.types.find((type) => type.typeUrl === TypeUrl.cluster)
        ?.acknowledged.has("bad"),
    );
  });

  it("takes a changed cluster at once, and does not wait for endpoints that it has (15)", async () => {
    const one = await startUpstream("one", cleanups);
    const { cache, server, port } = await serve();
    const rest = [endpointsOf("orders", one), listenerNamed("in", "routes"), routesNamed("routes", "orders")];
    cache.replace("all", [clusterNamed("orders"), ...rest]);
    const proxy = await envoy(port, variant);
    await eventually(async () => (await ask(proxy, "in")) === "200 one");
    const changed = clusterNamed("orders", "2s");
    cache.patch("all", { set: [changed] });
    // Envoy's own patience, after which it would take the endpoints that it had, is 15 s.
    expect(await server.acknowledged(TypeUrl.cluster, "orders", changed.version, { timeoutMs: 10_000 })).toEqual({ laggards: [] });
    expect(await proxy.stat("cluster_manager.warming_clusters")).toBe(0);
    expect(await ask(proxy, "in")).toBe("200 one");
  });

  it("replaces a cluster under constant requests without a failed one", async () => {
    const [one, two] = [await startUpstream("one", cleanups), await startUpstream("two", cleanups)];
    const { cache, port } = await serve();
    const rest = [listenerNamed("in", "routes")];
    cache.replace("all", [...rest, clusterNamed("v1"), endpointsOf("v1", one), routesNamed("routes", "v1")]);
    const proxy = await envoy(port, variant);
    await eventually(async () => (await ask(proxy, "in")) === "200 one");
    const answers = new Set<string>();
    for (let i = 0; i < 200; i += 1) {
      if (i === 20) cache.replace("all", [...rest, clusterNamed("v2"), endpointsOf("v2", two), routesNamed("routes", "v2")]);
      if (i === 100) await eventually(async () => (await ask(proxy, "in")) === "200 two");
      answers.add(await ask(proxy, "in"));
    }
    expect([...answers]).toEqual(["200 one", "200 two"]);
    await eventually(async () => !(await proxy.admin("/clusters")).includes("v1::"));
  });
});

it("sends a reconnecting delta Envoy nothing after a restart with equal resources", async () => {
  const resources = [
    clusterNamed("orders"),
    endpointsOf("orders", await startUpstream("one", cleanups)),
    listenerNamed("in", "routes"),
    routesNamed("routes", "orders"),
  ];
  const first = await serve();
  first.cache.replace("all", resources);
  const proxy = await envoy(first.port, "delta");
  await eventually(async () => (await ask(proxy, "in")) === "200 one");
  await first.server.stop({ graceMs: 0 });
  const cache = createResourceCache();
  cache.replace("all", [clusterNamed("orders"), ...resources.slice(1)]);
  const second = await serve(cache, first.port);
  await eventually(() => second.server.status()[0]?.types.length === 4);
  cache.patch("all", { set: [endpointsOf("orders", await startUpstream("two", cleanups))] });
  await eventually(async () => (await ask(proxy, "in")) === "200 two");
  expect(second.events.filter((event) => event.kind === "push").map((event) => [event.typeUrl, event.resources.length])).toEqual([
    [TypeUrl.endpoint, 1],
  ]);
});
