/** The incremental variant, rule by rule, on a scripted stream. The numbers are those of RULES.md. */
import { create } from "@bufbuild/protobuf";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { describe, expect, it } from "vitest";
import { createResource } from "./resource.js";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint, listener, route, secret } = TypeUrl;
const names = (response: { resources: { name: string }[] }) => response.resources.map((r) => r.name);

describe("subscriptions", () => {
  it("gives an empty first request of clusters everything, with name, version, type and bytes", async () => {
    const { cache, server } = createScene();
    const a = resource(cluster, "a");
    cache.patch("all", { set: [a, resource(cluster, "b"), resource(endpoint, "a")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    const response = await client.one();
    expect(names(response)).toEqual(["a", "b"]);
    expect(response.typeUrl).toBe(cluster);
    expect(response.resources[0]).toMatchObject({ version: a.version, resource: { typeUrl: cluster } });
    expect([...(response.resources[0]?.resource?.value ?? [])]).toEqual([...a.bytes]);
  });

  it("takes an empty first request of endpoints for no interest (7)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "a")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: endpoint });
    expect(await client.take()).toEqual([]);
  });

  it("lets a name stand beside the wildcard, and the client leave the wildcard but keep the name (7)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "a"), resource(cluster, "b")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ["*", "a"] });
    client.ack(await client.one());
    client.send({ typeUrl: cluster, resourceNamesUnsubscribe: ["*"] });
    cache.patch("all", { set: [resource(cluster, "a", "new"), resource(cluster, "b", "new")] });
    expect(names(await client.one())).toEqual(["a"]);
  });

  it("sends a name that is asked for again even if it has not changed (8)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "a"), resource(endpoint, "b")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a", "b"] });
    client.ack(await client.one());
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    expect(names(await client.one())).toEqual(["a"]);
  });

  it("answers a name that does not exist at once, and sends it when it appears (9)", async () => {
    const { cache, server } = createScene();
    const client = new DeltaClient(server);
    client.send({ typeUrl: route, resourceNamesSubscribe: ["later", ""] });
    const first = await client.one();
    expect(first.removedResources).toEqual(["later", ""]);
    client.ack(first);
    cache.patch("all", { set: [resource(route, "later")] });
    expect(names(await client.one())).toEqual(["later"]);
  });

  it("sends the state of a name that is unsubscribed under a wildcard once more (9)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "a"), resource(cluster, "b")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ["*", "a", "gone"] });
    await client.drain();
    client.send({ typeUrl: cluster, resourceNamesUnsubscribe: ["a", "gone"] });
    const response = await client.one();
    expect(names(response)).toEqual(["a"]);
    expect(response.removedResources).toEqual(["gone"]);
  });

  it("sends nothing about a name after it was unsubscribed", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "a")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    await client.drain();
    client.send({ typeUrl: endpoint, resourceNamesUnsubscribe: ["a"] });
    cache.patch("all", { set: [resource(endpoint, "a", "new")] });
    expect(await client.take()).toEqual([]);
  });

  it("counts subscription changes with a stale nonce, and ignores an unknown nonce (10)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "a"), resource(endpoint, "b")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    const first = await client.one();
    client.send({ typeUrl: endpoint, responseNonce: "invented", resourceNamesSubscribe: ["b"] });
    expect(await client.take()).toEqual([]);
    client.ack(first);
    expect(names(await client.one())).toEqual(["b"]);
    expect(client.ended).toBeUndefined();
  });
});

describe("changes", () => {
  it("sends only what changed, and what is gone as removed (23)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a"), resource(cluster, "b"), resource(cluster, "c")]);
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    await client.drain();
    cache.replace("all", [resource(cluster, "a", "new"), resource(cluster, "c")]);
    const response = await client.one();
    expect(names(response)).toEqual(["a"]);
    expect(response.removedResources).toEqual(["b"]);
  });

  it("sends nothing when equal content is set again (22)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "a")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    await client.drain();
    cache.patch("all", { set: [resource(cluster, "a")] });
    expect(await client.take()).toEqual([]);
  });

  it("takes other content under an equal version for a change", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [{ ...resource(cluster, "a", "one"), version: "1" }] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    await client.drain();
    cache.patch("all", { set: [{ ...resource(cluster, "a", "two"), version: "1" }] });
    expect(names(await client.one())).toEqual(["a"]);
  });

  it("makes one response, the newest, of many changes that come while one is outstanding (14)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "a", "0")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    const first = await client.one();
    for (let i = 1; i <= 100; i += 1) {
      cache.patch("all", { set: [resource(endpoint, "a", String(i))] });
      if (i % 10 === 0) expect(await client.take()).toEqual([]);
    }
    client.ack(first);
    const second = await client.one();
    expect(second.resources[0]?.version).toBe(resource(endpoint, "a", "100").version);
    client.ack(second);
    expect(await client.take()).toEqual([]);
  });

  it("keeps nothing for a client that does not read but the one response that it does not take (21)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "a", "0"), resource(route, "r")] });
    const client = new DeltaClient(server);
    client.wire.stalled = true;
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    client.send({ typeUrl: route, resourceNamesSubscribe: ["r"] });
    const [only, ...more] = await client.take();
    expect(more).toEqual([]);
    client.wire.resume();
    expect((await client.one()).typeUrl).toBe(only?.typeUrl === route ? endpoint : route);
  });

  it("never uses a nonce twice on a stream, also when a state comes back (10)", async () => {
    const { cache, server } = createScene();
    const client = new DeltaClient(server);
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    const nonces = (await client.drain()).map((r) => r.nonce);
    const states = [resource(endpoint, "a", "even"), resource(endpoint, "a", "odd")];
    for (let i = 0; i < 10; i += 1) {
      cache.patch("all", { set: states.slice(i % 2, (i % 2) + 1) });
      nonces.push(...(await client.drain()).map((r) => r.nonce));
    }
    expect(nonces).toHaveLength(11);
    expect(new Set(nonces).size).toBe(11);
  });

  it("writes one buffer to all streams that are owed the same (19)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "a", "0")] });
    const clients = [1, 2, 3].map((i) => new DeltaClient(server, `node-${i}`));
    for (const client of clients) client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    for (const client of clients) await client.drain();
    cache.patch("all", { set: [resource(endpoint, "a", "1")] });
    await new Promise((resolve) => setImmediate(resolve));
    const [first, second, third] = clients.map((client) => client.wire.frames[0]);
    expect(first).toBeDefined();
    expect(second).toBe(first);
    expect(third).toBe(first);
  });
});

describe("reconnecting", () => {
  it("sends nothing to a client that comes from another server with equal resources (11)", async () => {
    const built = () => [createResource(ClusterSchema, "a", create(ClusterSchema, { name: "a" }))];
    const [first, second] = [createScene(), createScene()];
    first.cache.replace("all", built());
    const before = new DeltaClient(first.server);
    before.send({ typeUrl: cluster });
    const { resources } = await before.one();
    second.cache.replace("all", built());
    const after = new DeltaClient(second.server);
    after.send({ typeUrl: cluster, initialResourceVersions: Object.fromEntries(resources.map((r) => [r.name, r.version])) });
    expect(await after.take()).toEqual([]);
  });

  it("sends nothing to a client that holds everything (11)", async () => {
    const { cache, server } = createScene();
    const [a, b, e] = [resource(cluster, "a"), resource(cluster, "b"), resource(endpoint, "a")];
    cache.replace("all", [a, b, e]);
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster, initialResourceVersions: { a: a.version, b: b.version } });
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"], initialResourceVersions: { a: e.version } });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "a", "new")] });
    expect(names(await client.one())).toEqual(["a"]);
  });

  it("sends what changed and names what vanished (11)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a", "new"), resource(cluster, "b")]);
    const client = new DeltaClient(server);
    client.send({
      typeUrl: cluster,
      resourceNamesSubscribe: ["*"],
      initialResourceVersions: { a: "old", b: resource(cluster, "b").version, gone: "old" },
    });
    const responses = await client.drain();
    expect(responses.flatMap(names)).toEqual(["a"]);
    expect(responses.flatMap((r) => r.removedResources)).toEqual(["gone"]);
  });

  it("forgets claimed names that the client does not ask for", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(endpoint, "a", "new"), resource(endpoint, "b", "new")]);
    const client = new DeltaClient(server);
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"], initialResourceVersions: { a: "old", b: "old" } });
    expect(names(await client.one())).toEqual(["a"]);
  });
});

describe("absence", () => {
  it("answers for a cluster without endpoints with an empty assignment (6)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "a"), resource(endpoint, "a", "full")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
    await client.drain();
    cache.patch("all", { remove: [{ typeUrl: endpoint, name: "a" }] });
    const response = await client.one();
    expect(response.removedResources).toEqual([]);
    expect([...(response.resources[0]?.resource?.value ?? [])]).toEqual([...resource(endpoint, "a").bytes]);
  });

  it("never answers a wanted secret with nothing (6)", async () => {
    const { cache, server } = createScene();
    const client = new DeltaClient(server);
    client.send({ typeUrl: secret, resourceNamesSubscribe: ["tls"] });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(secret, "tls")] });
    expect(names(await client.one())).toEqual(["tls"]);
  });

  it("gives a node without resources of a type an empty answer (13)", async () => {
    const { server } = createScene();
    const client = new DeltaClient(server);
    client.send({ typeUrl: listener });
    const response = await client.one();
    expect(response.resources).toEqual([]);
    client.ack(response);
    expect(await client.take()).toEqual([]);
  });

  it("lets a node without state wait, and answers when its state appears (13)", async () => {
    let layers: string[] | undefined;
    const { cache, server } = createScene({ view: () => (layers ? { layers } : undefined) });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    expect(await client.take()).toEqual([]);
    layers = ["mine"];
    server.refresh("node");
    expect(await client.take()).toEqual([]);
    expect(server.status()[0]?.missingLayer).toBe("mine");
    cache.patch("mine", { set: [resource(cluster, "a")] });
    expect(names(await client.one())).toEqual(["a"]);
  });

  it("leaves the stream alone when it is asked for a type that it does not know (13)", async () => {
    const { cache, server, events } = createScene();
    cache.patch("all", { set: [resource(cluster, "a")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: "type.googleapis.com/example.Unknown", resourceNamesSubscribe: ["*"] });
    expect(await client.take()).toEqual([]);
    client.send({ typeUrl: cluster });
    expect(names(await client.one())).toEqual(["a"]);
    expect(events.some((e) => e.kind === "unknown-type")).toBe(true);
  });

  it("shows wildcards nothing of the layers that are for asking only", async () => {
    const { cache, server } = createScene({ view: () => ({ layers: ["all"], named: ["asked"] }) });
    cache.patch("all", { set: [resource(cluster, "a")] });
    cache.patch("asked", { set: [resource(cluster, "b")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.ack(await client.one());
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ["b"] });
    expect(names(await client.one())).toEqual(["b"]);
  });
});
