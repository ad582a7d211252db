/** The rules that hold in both variants, each played in both. The numbers are those of RULES.md. */
import { describe, expect, it } from "vitest";
import { EitherClient, variants } from "./testing/either-client.js";
import { createScene, resource } from "./testing/scene.js";
import { settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint, listener, route } = TypeUrl;
const all = [cluster, endpoint, listener, route];

describe.each(variants)("in the %s variant", (variant) => {
  it("a refused resource is held back for a second, then two, and others go on meanwhile (1)", async () => {
    const { cache, server, clock } = createScene();
    cache.replace("all", [resource(endpoint, "bad"), resource(endpoint, "good")]);
    const client = new EitherClient(variant, server);
    client.ask(endpoint, ["bad", "good"]);
    (await client.one()).nack("bad: no");
    (await client.one()).ack();
    for (const wait of [1_000, 2_000, 4_000]) {
      await clock.advance(wait - 1);
      expect(await client.take()).toEqual([]);
      await clock.advance(1);
      const again = await client.one();
      expect(again.contents).toEqual(["bad"]);
      again.nack("bad: still no");
    }
    cache.patch("all", { set: [resource(endpoint, "good", "good 2"), resource(listener, "l")] });
    client.ask(listener);
    expect((await client.drain()).map(({ contents }) => contents)).toEqual([["l"], ["good 2"]]);
    cache.patch("all", { set: [resource(endpoint, "bad", "better")] });
    expect((await client.one()).contents).toEqual(["better"]);
  });

  it("a refusal is told with its text, the resource and where that came from, and stands in the status (2)", async () => {
    const { cache, server, events } = createScene();
    const provenance = { file: "policy/orders.yaml" };
    cache.replace("all", [{ ...resource(cluster, "bad"), provenance }, resource(cluster, "good")]);
    const client = new EitherClient(variant, server, "web-1");
    client.ask(cluster);
    (await client.one()).nack("cluster bad: no such thing");
    expect(events.find(({ kind }) => kind === "nack")).toMatchObject({
      node: "web-1",
      typeUrl: cluster,
      message: "cluster bad: no such thing",
      resources: [{ name: "bad", provenance }],
    });
    expect(server.status()[0]?.types[0]?.rejected).toMatchObject([{ name: "bad", message: "cluster bad: no such thing", provenance }]);
  });

  it("additions go CDS, EDS, LDS, RDS, each after the one before is acknowledged, and removals the other way (3)", async () => {
    const { cache, server } = createScene({ emptyAssignments: false });
    cache.replace(
      "all",
      all.map((typeUrl) => resource(typeUrl, "old")),
    );
    const client = new EitherClient(variant, server);
    client.ask(cluster);
    client.ask(endpoint, ["old", "new"]);
    client.ask(listener);
    client.ask(route, ["old", "new"]);
    await client.drain();
    cache.replace(
      "all",
      all.map((typeUrl) => resource(typeUrl, "new")),
    );
    const order: string[] = [];
    for (let responses = await client.take(); responses.length > 0; responses = await client.take()) {
      // Endpoints wait for nobody; of the others only one is under way at a time.
      expect(responses.filter(({ typeUrl }) => typeUrl !== endpoint).length).toBeLessThan(2);
      order.push(...responses.map(({ typeUrl }) => typeUrl));
      for (const response of responses) response.ack();
    }
    // The last additions and the first removals are of one type, and go together.
    const removals = variant === "delta" ? [listener, endpoint, cluster] : [listener, cluster];
    expect(order).toEqual([...all, ...removals]);
  });

  it("an endpoint change waits for nobody, and others not for ever (3)", async () => {
    const { cache, server, clock } = createScene();
    cache.replace(
      "all",
      all.map((typeUrl) => resource(typeUrl, "old")),
    );
    const client = new EitherClient(variant, server);
    for (const typeUrl of all) client.ask(typeUrl, typeUrl === cluster || typeUrl === listener ? [] : ["old"]);
    await client.drain();
    cache.patch("all", { set: [resource(cluster, "new"), resource(route, "old", "to new")] });
    expect((await client.one()).typeUrl).toBe(cluster);
    cache.patch("all", { set: [resource(endpoint, "old", "changed")] });
    expect((await client.one()).contents).toEqual(["changed"]);
    await clock.advance(1_999);
    expect(await client.take()).toEqual([]);
    await clock.advance(1);
    expect((await client.one()).contents).toEqual(["to new"]);
  });

  it("a client that names 3 of 100 clusters is answered for those 3 (4)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", Array.from({ length: 100 }, (_, i) => [resource(cluster, `c${i}`), resource(endpoint, `c${i}`)]).flat());
    const client = new EitherClient(variant, server);
    for (const typeUrl of [cluster, endpoint]) {
      client.ask(typeUrl, ["c1", "c2", "c3"]);
      expect((await client.drain()).map(({ contents }) => contents)).toEqual([["c1", "c2", "c3"]]);
    }
  });

  it("an empty first request is a wildcard for clusters and listeners, and no interest for endpoints and routes (7)", async () => {
    const { cache, server } = createScene();
    cache.replace(
      "all",
      all.map((typeUrl) => resource(typeUrl, "a")),
    );
    const client = new EitherClient(variant, server);
    for (const typeUrl of all) client.ask(typeUrl);
    expect((await client.drain()).map(({ typeUrl, contents }) => [typeUrl, contents])).toEqual([
      [cluster, ["a"]],
      [listener, ["a"]],
    ]);
  });

  it("`*` is explicit, stands beside names, and may be left (7)", async () => {
    const { cache, server } = createScene();
    cache.replace(
      "all",
      ["a", "b"].map((name) => resource(cluster, name)),
    );
    const client = new EitherClient(variant, server);
    client.ask(cluster, ["*", "a"]);
    const first = await client.one();
    expect(first.contents).toEqual(["a", "b"]);
    first.ack();
    client.ask(cluster, ["a"]);
    await client.drain();
    cache.patch("all", { set: [resource(cluster, "b", "b 2"), resource(cluster, "c")] });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(cluster, "a", "a 2")] });
    expect((await client.drain()).map(({ contents }) => contents)).toEqual([["a 2"]]);
  });

  it("the empty string is an unknown name (7)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a"), resource(endpoint, "a")]);
    const client = new EitherClient(variant, server);
    client.ask(endpoint, ["", "a"]);
    expect((await client.drain()).flatMap(({ contents }) => contents)).toEqual(["a"]);
    client.ask(cluster, [""]);
    expect((await client.drain()).flatMap(({ contents }) => contents)).toEqual([]);
    expect(client.ended).toBeUndefined();
  });

  it("a name that is dropped and asked for again is sent again although its version is the same (8)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(endpoint, "a"), resource(endpoint, "b")]);
    const client = new EitherClient(variant, server);
    client.ask(endpoint, ["a", "b"]);
    await client.drain();
    client.ask(endpoint, ["a"]);
    expect(await client.take()).toEqual([]);
    client.ask(endpoint, ["a", "b"]);
    expect((await client.one()).contents).toEqual(["b"]);
  });

  it("no nonce comes twice on a stream, also when a state comes back (10)", async () => {
    const { cache, server } = createScene();
    const client = new EitherClient(variant, server);
    client.ask(endpoint, ["a"]);
    await client.drain();
    const nonces: string[] = [];
    const [one, two] = [resource(endpoint, "a", "1"), resource(endpoint, "a", "2")];
    for (const state of [one, two, one, two, one]) {
      cache.patch("all", { set: [state] });
      const response = await client.one();
      nonces.push(response.nonce);
      response.ack();
    }
    expect(new Set(nonces).size).toBe(5);
  });

  it("a node without state waits, and one without resources of a type is answered with nothing (13)", async () => {
    let known = false;
    const { server } = createScene({ view: () => (known ? { layers: ["all"] } : undefined) });
    const client = new EitherClient(variant, server);
    client.ask(cluster);
    expect(await client.take()).toEqual([]);
    known = true;
    server.refresh("node");
    const response = await client.one();
    expect([response.contents, response.removed]).toEqual([[], []]);
    response.ack();
    expect(await client.take()).toEqual([]);
  });

  it("an unknown type leaves the stream alone, a changed node id ends it, and two streams may share one (13)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a")]);
    const [client, twin] = [new EitherClient(variant, server), new EitherClient(variant, server)];
    for (const each of [client, twin]) {
      each.ask("type.googleapis.com/example.Unknown", ["x"]);
      expect(await each.take()).toEqual([]);
      each.ask(cluster);
      expect((await each.drain()).map(({ contents }) => contents)).toEqual([["a"]]);
    }
    client.rename("node", listener);
    expect(client.ended).toBeUndefined();
    client.rename("other", listener);
    expect(client.ended?.status).toBe(3);
    expect(twin.ended).toBeUndefined();
  });

  it("a hundred changes while an answer is outstanding become one response, the newest (14)", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(endpoint, "a")]);
    const client = new EitherClient(variant, server);
    client.ask(endpoint, ["a"]);
    const first = await client.one();
    for (let i = 1; i <= 100; i += 1) {
      cache.patch("all", { set: [resource(endpoint, "a", `${i}`)] });
      await settle();
    }
    expect(await client.take()).toEqual([]);
    first.ack();
    expect((await client.one()).contents).toEqual(["100"]);
  });

  it("the endpoints of a changed cluster, and only of that, are sent again to the clients that forget them (15)", async () => {
    for (const forgets of [true, false]) {
      const { cache, server } = createScene({ resendEndpoints: () => forgets });
      cache.replace(
        "all",
        ["a", "b"].flatMap((name) => [resource(cluster, name), resource(endpoint, name)]),
      );
      const client = new EitherClient(variant, server);
      client.ask(cluster, ["a", "b"]);
      client.ask(endpoint, ["a", "b"]);
      await client.drain();
      cache.patch("all", { set: [resource(cluster, "a", "changed")] });
      const endpoints = (await client.drain()).filter(({ typeUrl }) => typeUrl === endpoint);
      expect(endpoints.map(({ contents }) => contents)).toEqual(forgets ? [["a"]] : []);
    }
  });

  it("names are opaque, and the view sees all that the client says of itself (17)", async () => {
    const names = ["orders:80", "orders", "xdstp://a/b?c#d", "ümläut 😀", " ", "a,b", "*x"];
    const { cache, server } = createScene({
      view: ({ id, cluster: service, userAgentName, locality, metadata }) => ({
        layers: [[id, service, userAgentName, locality?.zone, metadata?.["kind"]].join("/")],
      }),
    });
    cache.replace(
      "n/web/envoy/z1/gateway",
      names.map((name) => resource(endpoint, name)),
    );
    const client = new EitherClient(variant, server);
    const node = { id: "n", cluster: "web", userAgentName: "envoy", locality: { zone: "z1" }, metadata: { kind: "gateway" } };
    client.client.send({ typeUrl: listener, node });
    await client.drain();
    client.ask(endpoint, names);
    expect((await client.one()).contents).toEqual([...names].sort());
  });
});
