/** What a client is shown while its state is not there, no more, or not yet: what it has. */
import { describe, expect, it } from "vitest";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, SotwClient, settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";
import type { NodeView } from "./view.js";

const { cluster, endpoint } = TypeUrl;
const some = [resource(cluster, "a"), resource(endpoint, "a")];

/** A delta and a state-of-the-world client that hold everything in the layer `all`. */
async function configured(options: Parameters<typeof createScene>[0] = {}) {
  const scene = createScene({ emptyAssignments: false, ...options });
  scene.cache.replace("all", some);
  const delta = new DeltaClient(scene.server, "delta");
  delta.send({ typeUrl: cluster });
  delta.send({ typeUrl: endpoint, resourceNamesSubscribe: ["a"] });
  await delta.drain();
  const sotw = new SotwClient(scene.server, "sotw");
  sotw.ask(cluster, []);
  sotw.ack(await sotw.one());
  sotw.ask(endpoint, ["a"]);
  sotw.ack(await sotw.one());
  return { ...scene, delta, sotw };
}

describe("a client whose layer is dropped", () => {
  it("keeps what it has, and is sent only what differs when the layer is there again", async () => {
    const { cache, server, delta, sotw } = await configured();
    cache.drop("all");
    expect([await delta.take(), await sotw.take()]).toEqual([[], []]);
    expect(server.status()).toMatchObject([
      { ready: false, missingLayer: "all" },
      { ready: false, missingLayer: "all" },
    ]);
    sotw.ask(endpoint, ["a", "b"]);
    delta.send({ typeUrl: endpoint, resourceNamesSubscribe: ["b"] });
    expect([await delta.take(), await sotw.take()]).toEqual([[], []]);
    cache.replace("all", [...some, resource(endpoint, "b")]);
    expect((await delta.one()).resources.map(({ name }) => name)).toEqual(["b"]);
    expect((await sotw.one()).resources).toHaveLength(1);
    expect(server.status().every(({ ready }) => ready)).toBe(true);
  });

  it("is told that everything is gone when the layer is replaced with nothing", async () => {
    const { cache, delta, sotw } = await configured();
    cache.replace("all", []);
    expect((await delta.drain()).flatMap(({ removedResources }) => removedResources)).toEqual(["a", "a"]);
    expect((await sotw.one()).resources).toEqual([]);
  });
});

describe("a client whose view leads nowhere after a refresh", () => {
  it.each<[string, NodeView | undefined]>([
    ["a view whose layer is missing", { layers: ["later"] }],
    ["no view", undefined],
  ])("keeps what it has under %s", async (_, nowhere) => {
    let view: NodeView | undefined = { layers: ["all"] };
    const { server, delta, sotw } = await configured({ view: () => view });
    view = nowhere;
    server.refresh();
    expect([await delta.take(), await sotw.take()]).toEqual([[], []]);
    expect(server.status().map(({ ready }) => ready)).toEqual([false, false]);
    view = { layers: ["all"] };
    server.refresh();
    expect([await delta.take(), await sotw.take()]).toEqual([[], []]);
    expect(server.status().map(({ ready }) => ready)).toEqual([true, true]);
  });
});

describe("the view of a node", () => {
  it("is the one of the latest call, in whichever order the answers come", async () => {
    const answers: ((view: NodeView) => void)[] = [];
    const { cache, server } = createScene({ view: () => new Promise((resolve) => answers.push(resolve)) });
    cache.replace("old", [resource(cluster, "old")]);
    cache.replace("new", [resource(cluster, "new")]);
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    server.refresh();
    answers[1]?.({ layers: ["new"] });
    expect((await client.drain()).flatMap((r) => r.resources.map(({ name }) => name))).toEqual(["new"]);
    answers[0]?.({ layers: ["old"] });
    expect(await client.take()).toEqual([]);
    expect(client.ended).toBeUndefined();
  });

  it("is not lost to a call whose failure comes after the answer of a later one", async () => {
    const failures: ((error: Error) => void)[] = [];
    let calls = 0;
    const view = () => (++calls === 2 ? { layers: ["all"] } : new Promise<NodeView>((_, reject) => failures.push(reject)));
    const { server } = createScene({ view });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    server.refresh();
    failures[0]?.(new Error("too slow"));
    await settle();
    expect(client.ended).toBeUndefined();
    server.refresh();
    failures[1]?.(new Error("no such node"));
    await settle();
    expect(client.ended).toEqual({ status: 14, message: "no such node" });
  });

  it("ends only the stream for which it throws", async () => {
    let broken = false;
    const { cache, server } = createScene({
      view: ({ id }) => {
        if (broken && id === "bad") throw new Error("bad has no view");
        return { layers: ["all", ...(broken ? ["more"] : [])] };
      },
    });
    const clients = ["bad", "good"].map((node) => new DeltaClient(server, node));
    for (const client of clients) {
      client.send({ typeUrl: cluster });
      await client.drain();
    }
    broken = true;
    cache.replace("more", [resource(cluster, "more")]);
    expect(() => server.refresh()).not.toThrow();
    expect(clients[0]?.ended).toEqual({ status: 14, message: "bad has no view" });
    expect((await clients[1]?.one())?.resources.map(({ name }) => name)).toEqual(["more"]);
  });
});
