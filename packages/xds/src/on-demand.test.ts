/** What is asked for and does not exist, and what is there to be asked for: clusters and virtual hosts on demand. */
import { describe, expect, it } from "vitest";
import { EitherClient, variants } from "./testing/either-client.js";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster } = TypeUrl;
const names = (response: { resources: { name: string }[] }) => response.resources.map((r) => r.name);

describe("names that do not exist", () => {
  it.each(variants)("are told to the source of resources, and what it provides at once is used (16) (%s)", async (variant) => {
    const { cache, server } = createScene({
      onDemand: ({ names: wanted }) => cache.patch("all", { set: wanted.map((name) => resource(cluster, name)) }),
    });
    const client = new EitherClient(variant, server);
    client.ask(cluster, ["orders"]);
    const { contents, removed } = await client.one();
    expect([contents, removed]).toEqual([["orders"], []]);
  });

  it("waits for a source that promises, but not for longer than allowed (16)", async () => {
    let resolve = () => {};
    const { cache, server, clock } = createScene({ onDemand: () => new Promise<void>((done) => (resolve = done)) });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ["orders"] });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "orders")] });
    resolve();
    client.ack(await client.one());
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ["never"] });
    expect(await client.take()).toEqual([]);
    await clock.advance(1_001);
    expect((await client.one()).removedResources).toEqual(["never"]);
  });

  it("answers as if nobody listened when the source throws (16)", async () => {
    const { server } = createScene({
      onDemand: () => {
        throw new Error("no such source");
      },
    });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ["orders"] });
    expect((await client.one()).removedResources).toEqual(["orders"]);
  });

  it.each(variants)("tells the source of secrets too, whose absence is answered with silence (6, 16) (%s)", async (variant) => {
    const asked: string[] = [];
    const { cache, server, events } = createScene({ onDemand: ({ names: wanted }) => void asked.push(...wanted) });
    const client = new EitherClient(variant, server);
    client.ask(TypeUrl.secret, ["tls"]);
    expect(await client.take()).toEqual([]);
    expect(asked).toEqual(["tls"]);
    expect(events.filter(({ kind }) => kind === "absent")).toHaveLength(1);
    cache.patch("all", { set: [resource(TypeUrl.secret, "tls")] });
    expect((await client.one()).contents).toEqual(["tls"]);
  });

  it.each(variants)("are remembered only so many per stream, but all are answered (16) (%s)", async (variant) => {
    const { cache, server } = createScene({ limits: { absentNames: 2 } });
    const client = new EitherClient(variant, server);
    client.ask(cluster, ["a", "b", "c"]);
    const response = await client.one();
    expect([response.contents, response.removed]).toEqual([[], variant === "delta" ? ["a", "b", "c"] : []]);
    response.ack();
    cache.patch("all", { set: ["a", "b", "c"].map((name) => resource(cluster, name)) });
    expect((await client.one()).contents).toEqual(["a", "b"]);
  });
});

describe("virtual hosts", () => {
  it("answers for virtual hosts by alias, and for an absent one with a resource without content (16)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(TypeUrl.virtualHost, "routes/orders")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: TypeUrl.virtualHost, resourceNamesSubscribe: ["routes/orders", "routes/nowhere"] });
    const { resources, removedResources } = await client.one();
    expect(resources.map((r) => [r.name, r.aliases, r.resource !== undefined])).toEqual([
      ["routes/orders", ["routes/orders"], true],
      ["routes/nowhere", ["routes/nowhere"], false],
    ]);
    expect(removedResources).toEqual([]);
  });

  it("sends the virtual hosts that exist to a first request that names none, because the routes wait for one (16)", async () => {
    const { cache, server } = createScene();
    cache.patch("all", { set: [resource(TypeUrl.virtualHost, "routes/orders")] });
    const client = new DeltaClient(server);
    client.send({ typeUrl: TypeUrl.virtualHost });
    const response = await client.one();
    expect(names(response)).toEqual(["routes/orders"]);
    client.ack(response);
    expect(await client.take()).toEqual([]);
  });
});
