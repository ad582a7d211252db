/** The state-of-the-world variant, rule by rule, on a scripted stream. */
import { describe, expect, it } from "vitest";
import type { Resource } from "./resource.js";
import { createScene, resource } from "./testing/scene.js";
import { SotwClient } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint, listener, route, secret } = TypeUrl;
const values = (response: { resources: { value: Uint8Array }[] }) => response.resources.map((r) => Buffer.from(r.value).toString("hex"));
const bytes = (...resources: Resource[]) => resources.map((r) => Buffer.from(r.bytes).toString("hex"));

describe("the state of the world", () => {
  it("carries every cluster in each response, and only what changed of endpoints (5)", async () => {
    const { cache, server } = createScene();
    const [a, b] = [resource(cluster, "a"), resource(cluster, "b")];
    cache.replace("all", [a, b, resource(endpoint, "a"), resource(endpoint, "b")]);
    const client = new SotwClient(server);
    client.ask(cluster, []);
    client.ack(await client.one());
    client.ask(endpoint, ["a", "b"]);
    client.ack(await client.one());
    const changed = resource(cluster, "a", "changed");
    cache.patch("all", { set: [changed] });
    const clusters = await client.one();
    expect(values(clusters)).toEqual(bytes(changed, b));
    client.ack(clusters);
    cache.patch("all", { set: [resource(endpoint, "a", "changed")] });
    expect(values(await client.one())).toEqual(bytes(resource(endpoint, "a", "changed")));
  });

  it("removes the last cluster with an empty response (5)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a")]);
    const client = new SotwClient(server);
    client.ask(cluster, []);
    client.ack(await client.one());
    cache.replace("all", []);
    const response = await client.one();
    expect(response.resources).toEqual([]);
    client.ack(response);
    expect(await client.take()).toEqual([]);
  });

  it("takes an empty list after a name for the end of all interest, not for a wildcard (7)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a"), resource(cluster, "b")]);
    const client = new SotwClient(server);
    client.ask(cluster, ["a"]);
    const first = await client.one();
    expect(values(first)).toEqual(bytes(resource(cluster, "a")));
    client.ack(first);
    client.ask(cluster, []);
    cache.patch("all", { set: [resource(cluster, "a", "new"), resource(cluster, "b", "new")] });
    expect(await client.take()).toEqual([]);
  });

  it("lets the wildcard stand beside names, and be left (7)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a"), resource(cluster, "b")]);
    const client = new SotwClient(server);
    client.ask(cluster, ["*", "a"]);
    const first = await client.one();
    expect(first.resources).toHaveLength(2);
    client.ack(first);
    client.ask(cluster, ["a"]);
    for (const response of await client.take()) client.ack(response);
    cache.patch("all", { set: [resource(cluster, "b", "new")] });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "a", "new")] });
    expect(values(await client.one())).toEqual(bytes(resource(cluster, "a", "new")));
  });

  it("sends an added name although its version is the current one, and the known ones not again (8)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(endpoint, "a"), resource(endpoint, "b")]);
    const client = new SotwClient(server);
    client.ask(endpoint, ["a"]);
    client.ack(await client.one());
    client.ask(endpoint, ["a", "b"]);
    const added = await client.one();
    expect(values(added)).toEqual(bytes(resource(endpoint, "b")));
    client.ack(added);
    client.ask(endpoint, ["b"]);
    client.ask(endpoint, ["a", "b"]);
    expect(values(await client.one())).toEqual(bytes(resource(endpoint, "a")));
  });

  it("does not answer a stale nonce, but does not lose the names either (10)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(endpoint, "a"), resource(endpoint, "b")]);
    const client = new SotwClient(server);
    client.ask(endpoint, ["a"]);
    const first = await client.one();
    client.ack(first);
    client.send({ typeUrl: endpoint, versionInfo: first.versionInfo, responseNonce: "invented", resourceNames: ["a", "b"] });
    expect(await client.take()).toEqual([]);
    const changed = resource(endpoint, "b", "changed");
    cache.patch("all", { set: [changed] });
    expect(values(await client.one())).toEqual(bytes(changed));
  });

  it("answers a reconnecting client for named endpoints although it has the version (12)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(endpoint, "a"), resource(cluster, "a")]);
    const before = new SotwClient(server);
    before.ask(endpoint, ["a"]);
    const { versionInfo } = await before.one();
    before.ask(cluster, []);
    const clusters = await before.one();
    const after = new SotwClient(server);
    after.send({ typeUrl: endpoint, versionInfo, resourceNames: ["a"] });
    expect(values(await after.one())).toEqual(bytes(resource(endpoint, "a")));
    after.send({ typeUrl: cluster, versionInfo: clusters.versionInfo });
    expect(await after.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "b")] });
    expect((await after.one()).resources).toHaveLength(2);
  });

  it("gives equal states equal versions on two servers (11)", async () => {
    const versions: string[] = [];
    for (const order of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      const { cache, server } = createScene();
      for (const name of order) cache.patch("all", { set: [resource(listener, name)] });
      const client = new SotwClient(server);
      client.ask(listener, []);
      versions.push((await client.one()).versionInfo);
    }
    expect(versions[0]).toBe(versions[1]);
  });

  it("sends a wildcard's client nothing when it reconnects with the current version, and everything with another (11)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a"), resource(cluster, "b")]);
    const first = new SotwClient(server);
    first.ask(cluster, []);
    const { versionInfo } = await first.one();
    const same = new SotwClient(server);
    same.send({ typeUrl: cluster, versionInfo });
    expect(await same.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "b", "changed")] });
    expect((await same.one()).resources).toHaveLength(2);
    const other = new SotwClient(server);
    other.send({ typeUrl: cluster, versionInfo });
    expect((await other.one()).resources).toHaveLength(2);
  });

  it("passes a given version through", async () => {
    const { cache, server } = createScene({ view: () => ({ layers: ["all"], version: "42" }) });
    cache.replace("all", [resource(cluster, "a")]);
    const client = new SotwClient(server);
    client.ask(cluster, []);
    expect((await client.one()).versionInfo).toBe("42");
  });

  it("answers for a cluster without endpoints with an empty assignment, and for a missing secret not at all (6)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a")]);
    const client = new SotwClient(server);
    client.ask(endpoint, ["a"]);
    expect((await client.one()).resources).toHaveLength(1);
    client.ask(secret, ["tls"]);
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(secret, "tls")] });
    expect((await client.one()).resources).toHaveLength(1);
  });

  it("gives a known node without resources of a type an empty answer (13)", async () => {
    const { server } = createScene();
    const client = new SotwClient(server);
    client.ask(listener, []);
    expect((await client.one()).resources).toEqual([]);
    client.ask(route, ["r"]);
    expect((await client.one()).resources).toEqual([]);
  });

  it("keeps one response outstanding per type, and sends the newest state after its answer (14)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a", "0")]);
    const client = new SotwClient(server);
    client.ask(cluster, []);
    const first = await client.one();
    for (let i = 1; i < 50; i += 1) cache.replace("all", [resource(cluster, "a", String(i))]);
    expect(await client.take()).toEqual([]);
    client.ack(first);
    expect(values(await client.one())).toEqual(bytes(resource(cluster, "a", "49")));
  });

  it("does not answer acknowledgements, however often they are repeated", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a")]);
    const client = new SotwClient(server);
    client.ask(cluster, []);
    const first = await client.one();
    for (let i = 0; i < 3; i += 1) client.ack(first);
    expect(await client.take()).toEqual([]);
  });
});

it("tells the source of resources again of an absent name that a client asks for again, and remembers none that it forgot (16)", async () => {
  const asked: (readonly string[])[] = [];
  const { server } = createScene({ onDemand: ({ names }) => void asked.push(names) });
  const client = new SotwClient(server);
  for (const names of [["a"], [], ["a"]]) {
    client.ask(route, names);
    for (const response of await client.take()) client.ack(response);
  }
  expect(asked).toEqual([["a"], ["a"]]);
});
