/** A call whose peer is not known yet: what waits is bounded in number, size and time. */
import { describe, expect, it } from "vitest";
import { csdsPaths } from "./csds.js";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, ScriptedWire, settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster } = TypeUrl;

/** A server whose hook answers when the test says so. */
function pending(limits = {}) {
  const answers: (() => void)[] = [];
  const authenticate = () => new Promise<void>((resolve) => answers.push(resolve));
  const scene = createScene({ authenticate, limits });
  scene.cache.replace("all", [resource(cluster, "a")]);
  return { ...scene, admit: () => answers.shift()?.() };
}

describe("a call whose peer is not known yet", () => {
  it("is answered once it is known", async () => {
    const { server, admit, clock } = pending();
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    expect(await client.take()).toEqual([]);
    admit();
    await client.drain();
    await clock.advance(60_000);
    expect(client.ended).toBeUndefined();
  });

  it("is ended when that takes too long, with the right reason", async () => {
    const { server, clock, events, admit } = pending({ authenticationMs: 2_000 });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    await clock.advance(1_999);
    expect(client.ended).toBeUndefined();
    await clock.advance(1);
    expect(client.ended).toEqual({ status: 4, message: "it is not known after 2000 ms who calls" });
    expect(events).toMatchObject([{ kind: "stream-close", reason: "it is not known after 2000 ms who calls" }]);
    admit();
    expect(await client.take()).toEqual([]);
    expect(server.status()).toEqual([]);
  });

  it("is ended when it sends many requests or much meanwhile", async () => {
    const { server } = pending({ messageBytes: 10_000 });
    const many = new DeltaClient(server);
    for (let i = 0; i < 64; i += 1) many.send({ typeUrl: cluster });
    expect(many.ended).toBeUndefined();
    many.send({ typeUrl: cluster });
    expect(many.ended).toMatchObject({ status: 8 });
    const much = new DeltaClient(server);
    for (let i = 0; i < 3; i += 1) much.send({ typeUrl: cluster, resourceNamesSubscribe: ["x".repeat(4_000)] });
    expect(much.ended).toMatchObject({ status: 8 });
    expect(server.status()).toEqual([]);
  });

  it("is forgotten when its client leaves meanwhile, with its timer", async () => {
    const { server, clock, admit } = pending();
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.call.closed();
    admit();
    await settle();
    expect(client.wire.frames).toEqual([]);
    expect([server.status(), clock.pending]).toEqual([[], 0]);
  });

  it("has none of its requests read when it is refused, of whichever service", async () => {
    const authenticate = () => {
      throw new Error("who are you?");
    };
    const { server } = createScene({ authenticate });
    const wire = new ScriptedWire();
    const call = server.accept(csdsPaths.stream, wire);
    call?.message(Buffer.alloc(0));
    await settle();
    expect([wire.ended, wire.frames]).toEqual([{ status: 16, message: "who are you?" }, []]);
  });

  it("is forgotten when the first thing it sent cannot be read", async () => {
    const { server, admit } = pending();
    const client = new DeltaClient(server);
    client.sendBytes(Buffer.from([0xff, 0xff]));
    admit();
    await settle();
    expect(client.ended).toMatchObject({ status: 13 });
    expect(server.status()).toEqual([]);
  });
});
