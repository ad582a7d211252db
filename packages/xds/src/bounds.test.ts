/** What a client can make the server keep or say: bounded, whatever it sends. */
import { create, toBinary } from "@bufbuild/protobuf";
import { NodeSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { DeltaDiscoveryRequestSchema } from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { describe, expect, it } from "vitest";
import type { XdsEvent } from "./event.js";
import { cutMark, statusMessage } from "./excerpt.js";
import { nodeBytes } from "./node.js";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient, SotwClient, settle } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, endpoint } = TypeUrl;
const exhausted = 8;

describe("the text of a refusal", () => {
  it.each(["delta", "sotw"])("is cut where it is kept and told, at a space, so that no half of a name is blamed (%s)", async (variant) => {
    const { cache, server, events } = createScene();
    cache.replace("all", [resource(cluster, "half"), resource(cluster, "named"), resource(cluster, "other")]);
    const client = variant === "delta" ? new DeltaClient(server) : new SotwClient(server);
    client.send({ typeUrl: cluster });
    const text = `named: ${"é".repeat(4_080)} half.name ${"x".repeat(100_000)}`;
    if (client instanceof DeltaClient) client.nack(await client.one(), text);
    else client.nack(await client.one(), text);
    const refused = events.find(({ kind }) => kind === "nack");
    expect(refused).toMatchObject({ resources: [{ name: "named" }] });
    const status = server.status()[0]?.types[0];
    for (const kept of [refused?.kind === "nack" ? refused.message : "", status?.lastRejection?.message, status?.rejected[0]?.message]) {
      expect(kept?.length).toBeLessThan(4_200);
      expect(kept?.endsWith(cutMark)).toBe(true);
    }
  });

  it("is kept whole when it is short", async () => {
    const { cache, server } = createScene();
    cache.replace("all", [resource(cluster, "a")]);
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    client.nack(await client.one(), "a: no");
    expect(server.status()[0]?.types[0]?.lastRejection?.message).toBe("a: no");
  });
});

describe("a node", () => {
  it.each([
    ["is taken as large as it may be", -100, undefined],
    ["ends the stream when it is larger, and is not kept", 1, 3],
  ])("%s", (_what, beyond, status) => {
    const { server } = createScene();
    const wire = { ended: undefined as number | undefined };
    const call = server.accept("/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", {
      peer: { address: "p", headers: {} },
      write: () => undefined,
      end: (code, message) => {
        wire.ended = code;
        return message;
      },
      abort: () => undefined,
    });
    const node = create(NodeSchema, { id: "n", userAgentName: "x".repeat(nodeBytes + beyond) });
    call?.message(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node, typeUrl: cluster }))));
    expect(wire.ended).toBe(status);
    expect(server.status()).toHaveLength(status === undefined ? 1 : 0);
    call?.closed();
  });
});

describe("a close event of a refused node", () => {
  const close = (events: readonly XdsEvent[]) => events.filter(({ kind }) => kind === "stream-close");

  it.each([
    ["too long", "n".repeat(100_000), "the node's id has more than 1024 characters"],
    ["empty", "", "the node's id is empty"],
  ])("says why, and nothing that the client made up (an id that is %s)", (_what, id, reason) => {
    const { server, events } = createScene();
    new DeltaClient(server, id).send({ typeUrl: cluster });
    expect(close(events)).toEqual([{ kind: "stream-close", stream: 1, node: "", peer: "test", reason }]);
  });

  it("names the node that may not speak, and says why within bounds", () => {
    const { server, events } = createScene({ authorize: () => "not you ".repeat(1_000) });
    new DeltaClient(server, "stranger").send({ typeUrl: cluster });
    expect(close(events)).toEqual([
      expect.objectContaining({ node: "stranger", reason: expect.stringMatching(/^(not you ?){1,128} \[…\]$/) }),
    ]);
    expect(events.some(({ kind }) => kind === "stream-open")).toBe(false);
  });
});

describe("names", () => {
  const limits = { names: 100, nameCharacters: 1_000 };
  const long = (i: number) => `${i}`.padEnd(150, "x");

  it("end the stream when they are long together, also when they come one by one", async () => {
    const { server } = createScene({ limits });
    const client = new DeltaClient(server);
    for (let i = 0; i < 6; i += 1) client.send({ typeUrl: endpoint, resourceNamesSubscribe: [long(i)] });
    expect(client.ended).toBeUndefined();
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: [long(6)] });
    expect(client.ended).toMatchObject({ status: exhausted });
    const sotw = new SotwClient(server);
    sotw.ask(
      endpoint,
      Array.from({ length: 7 }, (_, i) => long(i)),
    );
    expect(sotw.ended).toMatchObject({ status: exhausted });
  });

  it("may come and go without end, as long as few are asked for at once", async () => {
    const { server } = createScene({ limits });
    const client = new DeltaClient(server);
    for (let i = 0; i < 50; i += 1)
      client.send({ typeUrl: endpoint, resourceNamesSubscribe: [long(i)], resourceNamesUnsubscribe: [long(i - 1)] });
    expect(client.ended).toBeUndefined();
  });

  it("are counted as they stand in the request, also when they repeat one another", () => {
    const { server } = createScene({ limits });
    const sotw = new SotwClient(server);
    sotw.ask(
      endpoint,
      Array.from({ length: 101 }, () => ""),
    );
    expect(sotw.ended).toEqual({ status: exhausted, message: "more than 100 names" });
    const delta = new DeltaClient(server);
    delta.send({ typeUrl: endpoint, resourceNamesUnsubscribe: Array.from({ length: 101 }, () => "a") });
    expect(delta.ended).toEqual({ status: exhausted, message: "more than 100 names" });
  });

  it("end the stream when a reconnecting client says that it holds too many, or too long ones, and leave no trace", async () => {
    const { server } = createScene({ limits });
    const many = new DeltaClient(server);
    many.send({ typeUrl: cluster, initialResourceVersions: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`n${i}`, "1"])) });
    expect(many.ended).toMatchObject({ status: exhausted });
    const heavy = new DeltaClient(server);
    heavy.send({ typeUrl: cluster, initialResourceVersions: { a: "v".repeat(1_000) } });
    expect(heavy.ended).toMatchObject({ status: exhausted });
    const version = new SotwClient(server);
    version.send({ typeUrl: cluster, versionInfo: "v".repeat(1_001) });
    expect(version.ended).toMatchObject({ status: exhausted });
    expect(server.status()).toEqual([]);
  });

  it("end the stream when they are the node's own and too long", () => {
    const { server } = createScene();
    const client = new DeltaClient(server, "n".repeat(1_025));
    client.send({ typeUrl: cluster });
    expect(client.ended).toMatchObject({ status: 3 });
  });
});

describe("what is said about a client's text", () => {
  it("is bounded in the status of a call and in events", async () => {
    const { server, events } = createScene();
    const typeUrl = "t".repeat(1_000_000);
    const single = new DeltaClient(server, "node", "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters");
    single.send({ typeUrl });
    expect(single.ended?.status).toBe(3);
    expect(single.ended?.message.length).toBeLessThan(1_100);
    const client = new DeltaClient(server);
    client.sendBytes(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node: { id: "n" }, typeUrl })));
    await settle();
    const unknown = events.find(({ kind }) => kind === "unknown-type");
    expect(unknown?.kind === "unknown-type" && unknown.typeUrl.length).toBeLessThan(300);
    const closed = events.find(({ kind }) => kind === "stream-close");
    expect(closed?.kind === "stream-close" && closed.reason.length).toBeLessThan(1_100);
  });

  it("is told once for each type that is not served, and for so many", async () => {
    const { server, events } = createScene();
    const client = new DeltaClient(server);
    for (let i = 0; i < 1_000; i += 1) client.send({ typeUrl: `type.googleapis.com/unknown.T${i % 40}` });
    expect(events.filter(({ kind }) => kind === "unknown-type")).toHaveLength(16);
    expect(client.ended).toBeUndefined();
  });

  it("is well-formed wherever it is cut", () => {
    for (const text of [`${"x".repeat(1_023)}😀`.repeat(2), "\ud800", "a\udc00b", "😀"]) {
      expect(() => encodeURI(statusMessage(text))).not.toThrow();
    }
    expect(statusMessage("a\ud800b 😀")).toBe("a\ufffdb 😀");
  });

  it("is well-formed in the words of a hook", async () => {
    const { server } = createScene({ authorize: () => `no ${"\ud800".repeat(3_000)}` });
    const client = new DeltaClient(server);
    client.send({ typeUrl: cluster });
    expect(client.ended?.status).toBe(7);
    expect(() => encodeURI(client.ended?.message ?? "")).not.toThrow();
    expect(client.ended?.message.length).toBeLessThan(1_100);
  });
});
