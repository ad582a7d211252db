/** Make before break on an aggregated stream: what goes first, what waits, and for how long. */
import { describe, expect, it } from "vitest";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, SotwClient } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint, listener, route } = TypeUrl;
const word = (typeUrl: string) => ({ [cluster]: "CDS", [endpoint]: "EDS", [listener]: "LDS", [route]: "RDS" })[typeUrl];
const old = (typeUrl: string) => resource(typeUrl, "old");
const fresh = (typeUrl: string) => resource(typeUrl, "new");
const all = [cluster, endpoint, listener, route];

/** A client that holds `old` of every type and has asked for `new` of the named types. */
async function configured(options: Parameters<typeof createScene>[0] = {}) {
  const scene = createScene({ emptyAssignments: false, ...options });
  scene.cache.replace("all", all.map(old));
  const client = new DeltaClient(scene.server);
  client.send({ typeUrl: cluster });
  client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["old", "new"] });
  client.send({ typeUrl: listener });
  client.send({ typeUrl: route, resourceNamesSubscribe: ["old", "new"] });
  await client.drain();
  return { ...scene, client };
}

describe("order", () => {
  it("adds clusters, then endpoints, then listeners, then routes, and removes in reverse (3)", async () => {
    const { cache, client } = await configured();
    cache.replace("all", all.map(fresh));
    const responses = await client.drain();
    const steps = responses.flatMap((r) => [
      ...r.resources.map(() => `+${word(r.typeUrl)}`),
      ...r.removedResources.map(() => `-${word(r.typeUrl)}`),
    ]);
    expect(steps).toEqual(["+CDS", "+EDS", "+LDS", "+RDS", "-RDS", "-LDS", "-EDS", "-CDS"]);
  });

  it("sends listeners only after the clusters before them are acknowledged (3)", async () => {
    const { cache, client } = await configured();
    cache.patch("all", { set: [fresh(cluster), fresh(listener)] });
    const clusters = await client.one();
    expect(word(clusters.typeUrl)).toBe("CDS");
    client.ack(clusters);
    expect(word((await client.one()).typeUrl)).toBe("LDS");
  });

  it("holds routes back until a new cluster has its endpoints, when the client asks for them later (3)", async () => {
    const scene = createScene();
    scene.cache.replace("all", all.map(old));
    const client = new DeltaClient(scene.server);
    client.send({ typeUrl: cluster });
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["old"] });
    client.send({ typeUrl: route, resourceNamesSubscribe: ["old"] });
    await client.drain();
    scene.cache.patch("all", { set: [fresh(cluster), fresh(endpoint), resource(route, "old", "to new")] });
    client.ack(await client.one());
    expect(await client.take()).toEqual([]);
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ["new"] });
    const endpoints = await client.one();
    expect(word(endpoints.typeUrl)).toBe("EDS");
    client.ack(endpoints);
    expect(word((await client.one()).typeUrl)).toBe("RDS");
  });

  it("never lets an endpoint change wait for another type (3)", async () => {
    const { cache, client } = await configured();
    cache.patch("all", { set: [fresh(cluster), fresh(listener)] });
    expect(word((await client.one()).typeUrl)).toBe("CDS");
    cache.patch("all", { set: [resource(endpoint, "old", "changed")] });
    expect(word((await client.one()).typeUrl)).toBe("EDS");
  });

  it("does not wait without limit for an acknowledgement (3)", async () => {
    const { cache, client, clock } = await configured();
    cache.patch("all", { set: [fresh(cluster), fresh(route)] });
    expect(word((await client.one()).typeUrl)).toBe("CDS");
    await clock.advance(1_999);
    expect(await client.take()).toEqual([]);
    await clock.advance(1);
    expect(word((await client.one()).typeUrl)).toBe("RDS");
  });

  it("gives an addition its whole wait although a removal of the same type waits longer already (3)", async () => {
    const { cache, client, clock } = await configured();
    cache.patch("all", { remove: [listener, route].map((typeUrl) => ({ typeUrl, name: "old" })) });
    expect((await client.one()).removedResources).toEqual(["old"]);
    await clock.advance(1_900);
    cache.patch("all", { set: [fresh(cluster), fresh(listener)] });
    expect(word((await client.one()).typeUrl)).toBe("CDS");
    await clock.advance(1_999);
    expect(await client.take()).toEqual([]);
    await clock.advance(1);
    expect((await client.one()).resources.map(({ name }) => name)).toEqual(["new"]);
  });

  it("keeps a cluster until the routes that used it are acknowledged (3)", async () => {
    const { cache, client } = await configured();
    cache.patch("all", { set: [resource(route, "old", "to elsewhere")], remove: [{ typeUrl: cluster, name: "old" }] });
    const routes = await client.one();
    expect(word(routes.typeUrl)).toBe("RDS");
    expect(await client.take()).toEqual([]);
    client.ack(routes);
    expect((await client.one()).removedResources).toEqual(["old"]);
  });

  it("sends a removed cluster along in the whole state until it may go (3)", async () => {
    const scene = createScene();
    scene.cache.replace("all", [old(cluster), old(route)]);
    const client = new SotwClient(scene.server);
    client.ask(cluster, []);
    client.ack(await client.one());
    client.ask(route, ["old"]);
    client.ack(await client.one());
    scene.cache.replace("all", [fresh(cluster), resource(route, "old", "to new")]);
    const first = await client.one();
    expect(first.resources).toHaveLength(2);
    client.ack(first);
    const routes = await client.one();
    expect(word(routes.typeUrl)).toBe("RDS");
    client.ack(routes);
    expect((await client.one()).resources).toHaveLength(1);
  });

  it("answers a client that asks for 3 of 100 clusters for those 3 (4)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [
      ...Array.from({ length: 100 }, (_, i) => resource(cluster, `c${i}`)),
      ...Array.from({ length: 100 }, (_, i) => resource(endpoint, `c${i}`)),
    ]);
    const client = new SotwClient(server);
    client.ask(cluster, ["c1", "c2", "c3"]);
    const clusters = await client.one();
    expect(clusters.resources).toHaveLength(3);
    client.ack(clusters);
    client.ask(endpoint, ["c1", "c2", "c3"]);
    expect((await client.one()).resources).toHaveLength(3);
  });

  it("orders nothing on a stream of a single type", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [old(cluster)]);
    const client = new DeltaClient(server, "node", "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters");
    client.send({});
    client.ack(await client.one());
    cache.replace("all", [fresh(cluster)]);
    const response = await client.one();
    expect([response.resources.length, response.removedResources]).toEqual([1, ["old"]]);
  });

  it("sends the endpoints of a changed cluster again to clients that need it (15)", async () => {
    const { cache, client } = await configured({ resendEndpoints: () => true });
    cache.patch("all", { set: [resource(cluster, "old", "changed")] });
    expect((await client.drain()).map((r) => word(r.typeUrl))).toEqual(["CDS", "EDS"]);
    const modern = await configured({ resendEndpoints: () => false });
    modern.cache.patch("all", { set: [resource(cluster, "old", "changed")] });
    expect((await modern.client.drain()).map((r) => word(r.typeUrl))).toEqual(["CDS"]);
  });
});
