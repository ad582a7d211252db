/** What a refused response leads to: the culprit is held back, everything else goes on, and nothing is ever a storm. */
import { describe, expect, it } from "vitest";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, SotwClient } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, listener } = TypeUrl;
const names = (response: { resources: { name: string }[] } | undefined) => response?.resources.map((r) => r.name);

describe("a refusal in the incremental variant", () => {
  it("holds the refused resource back until its content changes (1)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "a", "bad")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.nack(await client.one(), "no good");
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "b")] });
    const other = await client.one();
    expect(names(other)).toEqual(["b"]);
    client.ack(other);
    cache.patch("all", { set: [resource(cluster, "a", "good")] });
    expect(names(await client.one())).toEqual(["a"]);
  });

  it("tries it again after a second, then two, then four (1)", async () => {
    const { cache, server, clock } = createScene();
    cache.patch("all", { set: [resource(cluster, "a")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.nack(await client.one(), "no");
    for (const wait of [1_000, 2_000, 4_000]) {
      await clock.advance(wait - 1);
      expect(await client.take()).toEqual([]);
      await clock.advance(1);
      client.nack(await client.one(), "no");
    }
    expect(server.status()[0]?.types[0]?.rejected).toMatchObject([{ name: "a", attempts: 4, message: "no" }]);
  });

  it("sends the others again when the text names the culprit (1)", async () => {
    const { cache, server, events } = createScene();
    cache.patch("all", {
      set: [resource(cluster, "good"), { ...resource(cluster, "bad-one"), provenance: "policies/bad.yaml" }, resource(cluster, "bad")],
    });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.nack(await client.one(), "Error adding cluster(s) bad-one: lb_policy is missing");
    const again = await client.one();
    expect(names(again)?.sort()).toEqual(["bad", "good"]);
    client.ack(again);
    expect(await client.take()).toEqual([]);
    expect(events.find((e) => e.kind === "nack")).toMatchObject({
      isolated: true,
      resources: [{ name: "bad-one", provenance: "policies/bad.yaml" }],
    });
  });

  it("finds the culprit by halves when the text names none, with few responses (1)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: Array.from({ length: 64 }, (_, i) => resource(cluster, `c${i}`)) });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    const held = new Set<string>();
    let responses = 0;
    for (let round = 0; round < 100; round += 1) {
      const [response] = await client.take();
      if (!response) break;
      responses += 1;
      if (names(response)?.includes("c17")) client.nack(response, "one of these is bad");
      else {
        for (const name of names(response) ?? []) held.add(name);
        client.ack(response);
      }
    }
    expect(held.size).toBe(63);
    expect(responses).toBeLessThanOrEqual(14);
    expect(server.status()[0]?.types[0]?.rejected.map((r) => r.name)).toEqual(["c17"]);
  });

  it("keeps the version that the client still has in its status, and clears the rejection once it is overcome (2)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "a", "1")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.ack(await client.one());
    cache.patch("all", { set: [resource(cluster, "a", "2")] });
    client.nack(await client.one(), "bad");
    const status = () => server.status()[0]?.types[0];
    expect(status()?.acknowledged.get("a")).toBe(resource(cluster, "a", "1").version);
    expect(status()?.rejected).toHaveLength(1);
    cache.patch("all", { set: [resource(cluster, "a", "1")] });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "a", "3")] });
    client.ack(await client.one());
    expect(status()?.rejected).toEqual([]);
    expect(status()?.lastRejection).toMatchObject({ message: "bad", names: ["a"] });
  });

  it("removes a resource whose newest version was refused when it is gone", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "a", "1")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.ack(await client.one());
    cache.patch("all", { set: [resource(cluster, "a", "2")] });
    client.nack(await client.one(), "bad");
    cache.patch("all", { remove: [{ typeUrl: cluster, name: "a" }] });
    expect((await client.one()).removedResources).toEqual(["a"]);
  });
});

describe("a refusal in the state-of-the-world variant", () => {
  it("is one by its error, whatever version it carries, and the last good version stays in the state (1)", async () => {
    const { cache, server } = createScene();
    const good = resource(listener, "a", "good");
    cache.patch("all", { set: [good] });
    const client = new SotwClient(server);
    client.ask(listener, []);
    client.ack(await client.one());
    cache.patch("all", { set: [resource(listener, "a", "bad")] });
    const bad = await client.one();
    client.send({ typeUrl: listener, versionInfo: bad.versionInfo, responseNonce: bad.nonce, errorDetail: { code: 3, message: "bad" } });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(listener, "b")] });
    const next = await client.one();
    expect(next.resources.map((r) => Buffer.from(r.value))).toEqual([Buffer.from(good.bytes), Buffer.from(resource(listener, "b").bytes)]);
  });

  it("does not stop other types (1)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(cluster, "c"), resource(listener, "l")] });
    const client = new SotwClient(server);
    client.ask(cluster, []);
    client.nack(await client.one(), "bad");
    client.ask(listener, []);
    expect((await client.one()).typeUrl).toBe(listener);
  });
});

it("is not answered at once, over and over, when it refuses a removal", async () => {
  const { server, cache, clock } = createScene();
  cache.replace("all", [resource(cluster, "a"), resource(cluster, "b")]);
  const client = new DeltaClient(server);
  client.send({ typeUrl: cluster });
  await client.drain();
  cache.replace("all", [resource(cluster, "b")]);
  client.nack(await client.one(), "no");
  expect(await client.take()).toEqual([]);
  await clock.advance(1_000);
  const again = await client.one();
  expect(again.removedResources).toEqual(["a"]);
  client.nack(again, "still no");
  await clock.advance(1_000);
  expect(await client.take()).toEqual([]);
  await clock.advance(1_000);
  client.ack(await client.one());
  expect(await client.take()).toEqual([]);
  expect(server.status()[0]?.types[0]?.acknowledged.has("a")).toBe(false);
});
