/** Waiting for proof that every client has taken a version. */
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, SotwClient, settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { endpoint } = TypeUrl;
const version = (content: string) => resource(endpoint, "orders", content).version;

async function twoClients() {
  const scene = createScene();
  scene.cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
  const clients = ["one", "two"].map((node) => new DeltaClient(scene.server, node));
  for (const client of clients) {
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["orders"] });
    await client.drain();
  }
  const [one, two] = clients as [DeltaClient, DeltaClient];
  return { ...scene, one, two };
}

describe("acknowledged", () => {
  it("resolves at once when every subscriber holds the version, or none subscribes", async () => {
    const { server } = await twoClients();
    expect(await server.acknowledged(endpoint, "orders", version("1"), { timeoutMs: 1 })).toEqual({ laggards: [] });
    expect(await server.acknowledged(endpoint, "unknown", "1", { timeoutMs: 1 })).toEqual({ laggards: [] });
  });

  it("resolves when the last subscriber has acknowledged, and not before", async () => {
    const { cache, server, one, two } = await twoClients();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    let done = false;
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000 }).then((result) => {
      done = true;
      return result;
    });
    one.ack(await one.one());
    await settle();
    expect(done).toBe(false);
    two.ack(await two.one());
    expect(await wait).toEqual({ laggards: [] });
  });

  it("counts a client that acknowledged a later version", async () => {
    const { cache, server, one, two } = await twoClients();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000 });
    cache.patch("all", { set: [resource(endpoint, "orders", "3")] });
    for (const client of [one, two]) client.ack(await client.one());
    expect(await wait).toEqual({ laggards: [] });
  });

  it("counts a client that went away, or lost interest", async () => {
    const { cache, server, one, two } = await twoClients();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000 });
    one.call.closed();
    two.send({ typeUrl: endpoint, resourceNamesUnsubscribe: ["orders"] });
    expect(await wait).toEqual({ laggards: [] });
  });

  it("counts a client whose endpoints were replaced by those of a cluster without any", async () => {
    const { cache, server, one, two } = await twoClients();
    cache.patch("all", { set: [resource(TypeUrl.cluster, "orders"), resource(endpoint, "orders", "2")] });
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000 });
    cache.patch("all", { remove: [{ typeUrl: endpoint, name: "orders" }] });
    for (const client of [one, two]) client.ack(await client.one());
    expect(await wait).toEqual({ laggards: [] });
  });

  it("counts a client that is told of the resource's end instead, once it has acknowledged that", async () => {
    const { cache, server, one, two } = await twoClients();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    let done = false;
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000 }).then((result) => {
      done = true;
      return result;
    });
    cache.patch("all", { remove: [{ typeUrl: endpoint, name: "orders" }] });
    const [first, second] = [await one.one(), await two.one()];
    expect(first.removedResources).toEqual(["orders"]);
    one.ack(first);
    await settle();
    expect(done).toBe(false);
    two.ack(second);
    expect(await wait).toEqual({ laggards: [] });
  });

  it("counts a client that held all along what came back before it was sent anything else", async () => {
    const { cache, server } = await twoClients();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000 });
    cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
    expect(await wait).toEqual({ laggards: [] });
  });

  it("counts a state-of-the-world client, which hears nothing of the end of endpoints, or asks for others meanwhile", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(endpoint, "orders", "1"), resource(endpoint, "users", "1")] });
    const [gone, elsewhere] = [new SotwClient(server, "gone"), new SotwClient(server, "elsewhere")];
    for (const client of [gone, elsewhere]) {
      client.ask(endpoint, ["orders"]);
      client.ack(await client.one());
    }
    gone.wire.stalled = true;
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000 });
    elsewhere.ask(endpoint, ["users"]);
    cache.patch("all", { remove: [{ typeUrl: endpoint, name: "orders" }] });
    await settle();
    gone.wire.resume();
    expect(await wait).toEqual({ laggards: [] });
  });

  it("waits for a version that is still to come", async () => {
    const { cache, server, clock } = createScene();
    cache.patch("all", { set: [resource(TypeUrl.cluster, "orders")] });
    const client = new DeltaClient(server, "one");
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["orders"] });
    await client.drain();
    const early = server.acknowledged(endpoint, "orders", version("1"), { timeoutMs: 500 });
    await clock.advance(500);
    expect(await early).toEqual({ laggards: ["one"] });
    const wait = server.acknowledged(endpoint, "orders", version("1"), { timeoutMs: 500 });
    cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
    await client.drain();
    expect(await wait).toEqual({ laggards: [] });
  });

  it("waits for the end of a resource until a wildcard's client has acknowledged that, whatever else it says before", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(TypeUrl.cluster, "orders")] });
    const client = new DeltaClient(server, "one");
    client.send({ typeUrl: TypeUrl.cluster });
    await client.drain();
    let done = false;
    cache.patch("all", { remove: [{ typeUrl: TypeUrl.cluster, name: "orders" }] });
    const wait = server.acknowledged(TypeUrl.cluster, "orders", undefined, { timeoutMs: 500 }).then((result) => {
      done = true;
      return result;
    });
    const removal = await client.one();
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["users"] });
    await settle();
    expect(done).toBe(false);
    client.ack(removal);
    expect(await wait).toEqual({ laggards: [] });
  });

  it("counts no client that came back and waits for its state: what it keeps is not known", async () => {
    let view: { layers: string[] } | undefined = { layers: ["all"] };
    const { cache, server, clock } = createScene({ view: ({ id }) => (id === "back" ? view : { layers: ["all"] }) });
    cache.patch("all", { set: [resource(endpoint, "orders", "1")] });
    const steady = new DeltaClient(server, "steady");
    steady.send({ typeUrl: endpoint, resourceNamesSubscribe: ["orders"] });
    await steady.drain();
    view = undefined;
    const back = new SotwClient(server, "back");
    back.ask(endpoint, ["orders"]);
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 500 });
    await steady.drain();
    await clock.advance(500);
    expect(await wait).toEqual({ laggards: ["back"] });
    view = { layers: ["all"] };
    server.refresh("back");
    const again = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 500 });
    back.ack(await back.one());
    expect(await again).toEqual({ laggards: [] });
  });

  it("names the laggards after its time, those that refused among them", async () => {
    const { cache, server, clock, one, two } = await twoClients();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    one.nack(await one.one(), "no");
    await two.one();
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 500 });
    await clock.advance(500);
    expect(await wait).toEqual({ laggards: ["one", "two"] });
  });

  it("takes a predicate over the version, and waits for a removal with undefined", async () => {
    const { cache, server, one, two } = await twoClients();
    cache.patch("all", { remove: [{ typeUrl: endpoint, name: "orders" }] });
    const gone = server.acknowledged(endpoint, "orders", undefined, { timeoutMs: 1_000 });
    const changed = server.acknowledged(endpoint, "orders", (held) => held !== version("1"), { timeoutMs: 1_000 });
    for (const client of [one, two]) client.ack(await client.one());
    expect(await gone).toEqual({ laggards: [] });
    expect(await changed).toEqual({ laggards: [] });
  });

  it("rejects with the signal's reason", async () => {
    const { cache, server } = await twoClients();
    cache.patch("all", { set: [resource(endpoint, "orders", "2")] });
    const abort = new AbortController();
    const wait = server.acknowledged(endpoint, "orders", version("2"), { timeoutMs: 1_000, signal: abort.signal });
    abort.abort(new Error("stopping"));
    await expect(wait).rejects.toThrow("stopping");
  });
});

it("leaves nothing on its signal, which may outlive many waits", async () => {
  const { server } = createScene();
  const { signal } = new AbortController();
  await server.acknowledged(TypeUrl.endpoint, "a", "1", { timeoutMs: 1_000, signal });
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
