/** What many clients cost together: shared bytes, shared views, nothing for those that a change does not concern, nothing after the end. */
import { describe, expect, it } from "vitest";
import { EitherClient, variants } from "./testing/either-client.js";
import { createScene, resource } from "./testing/scene.js";
import { settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint, route } = TypeUrl;

describe.each(variants)("in the %s variant", (variant) => {
  it("streams in the same state are sent the same bytes, of which each resource was encoded once (19)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a"), resource(cluster, "b")]);
    const clients = ["one", "two", "three"].map((node) => new EitherClient(variant, server, node));
    for (const client of clients) client.ask(cluster);
    const frames = [];
    for (const client of clients) {
      const response = await client.one();
      response.ack();
      frames.push(response.frame);
    }
    expect(new Set(frames).size).toBe(1);
    expect(server.status((node) => node !== "two").map(({ node }) => node)).toEqual(["one", "three"]);
    cache.patch("all", { set: [resource(cluster, "b", "changed")] });
    const changed = new Set<Buffer>();
    for (const client of clients) changed.add((await client.one()).frame);
    expect(changed.size).toBe(1);
  });

  it("nodes that see the same layers share one state, and others have theirs (20)", async () => {
    const { cache, server } = createScene({ view: ({ cluster: service }) => ({ layers: [service, "all"] }) });
    cache.replace("all", [resource(cluster, "everyone")]);
    cache.replace("web", [resource(cluster, "web")]);
    cache.replace("api", [resource(cluster, "api")]);
    const frames = new Map<string, Buffer>();
    for (const [id, service] of [
      ["web-1", "web"],
      ["web-2", "web"],
      ["api-1", "api"],
    ] as const) {
      const client = new EitherClient(variant, server, id);
      client.client.send({ typeUrl: cluster, node: { id, cluster: service } });
      const response = await client.one();
      expect(response.contents).toEqual([service, "everyone"].sort());
      frames.set(id, response.frame);
    }
    expect(frames.get("web-1")).toBe(frames.get("web-2"));
    expect(frames.get("api-1")).not.toBe(frames.get("web-1"));
  });

  it("a client that reads nothing is written one response, and the newest state when it reads again (21)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a"), resource(endpoint, "a")]);
    const client = new EitherClient(variant, server);
    client.client.wire.stalled = true;
    client.ask(cluster, ["a"]);
    client.ask(endpoint, ["a"]);
    for (let i = 1; i <= 50; i += 1) {
      cache.patch("all", { set: [resource(endpoint, "a", `${i}`)] });
      await settle();
    }
    expect(client.client.wire.frames).toHaveLength(1);
    client.client.wire.resume();
    expect((await client.drain()).map(({ contents }) => contents)).toEqual([["a"], ["50"]]);
  });

  it("a change is no message to those that did not ask for it, nor is equal content (22)", async () => {
    const { cache, server, events } = createScene();
    cache.replace("all", [resource(endpoint, "a"), resource(endpoint, "b"), resource(route, "a")]);
    const [one, two] = [new EitherClient(variant, server, "one"), new EitherClient(variant, server, "two")];
    one.ask(endpoint, ["a"]);
    two.ask(endpoint, ["b"]);
    for (const client of [one, two]) await client.drain();
    cache.patch("all", { set: [resource(endpoint, "b", "changed"), resource(route, "a", "changed"), resource(endpoint, "a")] });
    expect(await one.take()).toEqual([]);
    expect((await two.one()).contents).toEqual(["changed"]);
    cache.replace("all", [resource(endpoint, "a"), resource(endpoint, "b", "changed")]);
    expect([await one.take(), await two.take()]).toEqual([[], []]);
    expect(events.filter(({ kind }) => kind === "push")).toHaveLength(3);
  });

  it("a lone change goes out at once, and a burst after it becomes one response (22)", async () => {
    const { cache, server, clock } = createScene({ coalescing: { perStream: 100, ceiling: 500 } });
    cache.replace("all", [resource(endpoint, "a", "0")]);
    await clock.advance(1_000);
    const client = new EitherClient(variant, server);
    client.ask(endpoint, ["a"]);
    await client.drain();
    const change = (content: string) => cache.patch("all", { set: [resource(endpoint, "a", content)] });
    change("1");
    expect((await client.drain()).map(({ contents }) => contents)).toEqual([["1"]]);
    for (const content of ["2", "3", "4"]) {
      change(content);
      expect(await client.take()).toEqual([]);
    }
    await clock.advance(100);
    expect((await client.drain()).map(({ contents }) => contents)).toEqual([["4"]]);
  });

  it("an endpoint change re-sends that assignment alone (23)", async () => {
    const { cache, server } = createScene();
    const names = Array.from({ length: 100 }, (_, i) => `c${i}`);
    cache.replace(
      "all",
      names.map((name) => resource(endpoint, name)),
    );
    const client = new EitherClient(variant, server);
    client.ask(endpoint, names);
    expect((await client.drain()).flatMap(({ contents }) => contents)).toHaveLength(100);
    cache.patch("all", { set: [resource(endpoint, "c7", "changed")] });
    expect((await client.drain()).map(({ contents }) => contents)).toEqual([["changed"]]);
  });

  it("nothing is left of a stream that has ended: no status, no timer, no message about a change (24)", async () => {
    const { cache, server, clock, events } = createScene({ limits: { streamAgeMs: 60_000, unansweredMs: 60_000 } });
    cache.replace("all", [resource(cluster, "a"), resource(endpoint, "a")]);
    const client = new EitherClient(variant, server);
    client.ask(cluster);
    (await client.one()).nack("a: no");
    client.ask(endpoint, ["a", "b"]);
    await client.take();
    client.client.call.closed();
    expect([server.status(), clock.pending]).toEqual([[], 0]);
    cache.patch("all", { set: [resource(cluster, "a", "2"), resource(endpoint, "a", "2")] });
    expect(await client.take()).toEqual([]);
    expect(events.at(-1)).toMatchObject({ kind: "stream-close", reason: "the client went away" });
  });

  it("a stream ends at its maximum age, shortened at random, so that replicas share the load (24)", async () => {
    const draws = [0, 1];
    const { server, clock } = createScene({ limits: { streamAgeMs: 10_000 }, random: () => draws.shift() ?? 0 });
    const clients = ["one", "two"].map((node) => new EitherClient(variant, server, node));
    for (const client of clients) {
      client.ask(cluster);
      await client.drain();
    }
    await clock.advance(8_000);
    expect(clients.map(({ ended }) => ended?.status)).toEqual([undefined, 14]);
    await clock.advance(2_000);
    expect(clients.map(({ ended }) => ended?.status)).toEqual([14, 14]);
  });
});
