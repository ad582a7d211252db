/** Clients that do not do their part in time: they are ended, and nothing of them is kept. */
import { describe, expect, it } from "vitest";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, SotwClient } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster } = TypeUrl;

describe("a client that reads but gives no answer", () => {
  it.each(["delta", "sotw"])("shows in the status since when, and is ended when there is a limit (%s)", async (variant) => {
    const { cache, server, clock } = createScene({ limits: { unansweredMs: 5_000 } });
    cache.replace("all", [resource(cluster, "a")]);
    const client = variant === "delta" ? new DeltaClient(server) : new SotwClient(server);
    client.send({ typeUrl: cluster });
    expect(await client.take()).toHaveLength(1);
    await clock.advance(4_999);
    expect(client.ended).toBeUndefined();
    expect(server.status()[0]?.types[0]?.outstandingSince).toBe(clock.now() - 4_999);
    await clock.advance(1);
    expect(client.ended).toEqual({ status: 4, message: `no answer to ${cluster}` });
    expect([server.status(), clock.pending]).toEqual([[], 0]);
  });

  it("has the whole time again for each response", async () => {
    const { cache, server, clock } = createScene({ limits: { unansweredMs: 5_000 } });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    for (let i = 0; i < 5; i += 1) {
      const response = await client.one();
      await clock.advance(4_000);
      client.ack(response);
      cache.patch("all", { set: [resource(cluster, "a", String(i))] });
    }
    client.ack(await client.one());
    await clock.advance(60_000);
    expect(client.ended).toBeUndefined();
  });

  it("is waited for without end by default, because an Envoy may have its reasons", async () => {
    const { server, clock } = createScene();
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    await client.one();
    await clock.advance(24 * 3_600_000);
    expect(client.ended).toBeUndefined();
  });
});

describe("a client that reads nothing", () => {
  it("is cut off also when its stream was ended meanwhile", async () => {
    const { cache, server, clock } = createScene({ limits: { unreadMs: 10_000, streamAgeMs: 4_000 } });
    cache.replace("all", [resource(cluster, "a")]);
    const client = new DeltaClient(server);
    client.wire.stalled = true;
    client.send({ typeUrl: cluster });
    await clock.advance(4_000);
    expect(client.ended).toMatchObject({ status: 14 });
    expect(client.wire.aborted).toBe(false);
    await clock.advance(6_000);
    expect(client.wire.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("is not cut off when it reads the last response after the end, or has gone", async () => {
    const { cache, server, clock } = createScene({ limits: { streamAgeMs: 4_000 } });
    cache.replace("all", [resource(cluster, "a")]);
    const [late, gone] = [new DeltaClient(server), new DeltaClient(server)];
    for (const client of [late, gone]) {
      client.wire.stalled = true;
      client.send({ typeUrl: cluster });
    }
    await clock.advance(4_000);
    late.wire.resume();
    gone.call.closed();
    expect(clock.pending).toBe(0);
    await clock.advance(120_000);
    expect([late.wire.aborted, gone.wire.aborted]).toEqual([false, false]);
  });
});
