/** The services of a single type, in every variant that they have. */
import { describe, expect, it } from "vitest";
import { methods } from "./service.js";
import { EitherClient } from "./testing/either-client.js";
import { createScene, resource } from "./testing/scene.js";
import { ScriptedWire } from "./testing/scripted-client.js";
import { builtInTypes, TypeUrl } from "./type.js";

const single = [...methods].flatMap(([path, { variant, only }]) => (only ? [{ path, variant, typeUrl: only }] : []));

it("exist for every type in both variants, but for virtual hosts, which are incremental only (18)", () => {
  const served = (variant: string) => single.filter((method) => method.variant === variant).map(({ typeUrl }) => typeUrl);
  const urls = builtInTypes.map(({ url }) => url);
  expect(served("delta").sort()).toEqual([...urls].sort());
  expect(served("sotw").sort()).toEqual(urls.filter((url) => url !== TypeUrl.virtualHost).sort());
});

describe.each(single.map((method) => [method.path, method] as const))("%s", (path, { variant, typeUrl }) => {
  const open = (options = {}) => {
    const scene = createScene(options);
    scene.cache.replace("all", [resource(typeUrl, "a"), resource(typeUrl, "b")]);
    return { ...scene, client: new EitherClient(variant, scene.server, "node", path) };
  };

  it("answers for its type, also where the request leaves the type out, and follows changes (18)", async () => {
    const { cache, client } = open();
    client.ask("", ["a"]);
    const first = await client.one();
    expect([first.typeUrl, first.contents]).toEqual([typeUrl, ["a"]]);
    client.client.send({ responseNonce: first.nonce, ...(variant === "sotw" ? { resourceNames: ["a"] } : {}) });
    expect(await client.take()).toEqual([]);
    cache.patch("all", { set: [resource(typeUrl, "a", "changed")] });
    const second = await client.one();
    expect(second.contents).toEqual(["changed"]);
    second.nack("a: no");
    expect((await client.take()).flatMap(({ contents }) => contents)).not.toContain("changed");
  });

  it("refuses another type (18)", async () => {
    const { server, client } = open();
    client.ask(typeUrl === TypeUrl.route ? TypeUrl.cluster : TypeUrl.route, ["a"]);
    expect(client.ended).toMatchObject({ status: 3 });
    expect(server.status()).toEqual([]);
  });

  it("waits for no other type, in additions and removals (3)", async () => {
    const { cache, client } = open({ emptyAssignments: false });
    client.ask(typeUrl, ["a", "b", "c"]);
    await client.drain();
    cache.patch("all", { set: [resource(typeUrl, "c"), resource(TypeUrl.cluster, "new")], remove: [{ typeUrl, name: "b" }] });
    const contents = (await client.drain()).flatMap((response) => response.contents);
    expect(contents).toContain("c");
    expect(contents).not.toContain("b");
  });
});

it("serve nothing of virtual hosts in the state of the world (18)", () => {
  const path = "/envoy.service.route.v3.VirtualHostDiscoveryService/StreamVirtualHosts";
  expect(createScene().server.accept(path, new ScriptedWire())).toBeUndefined();
});
