/** The server on a real socket, with gRPC's own client: bad clients end alone, certificates count, and stopping is orderly. */
import { createServer } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, type ClientDuplexStream, credentials, status } from "@grpc/grpc-js";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { createTestAuthority, type TestAuthority, type TestLeaf } from "@legation/runtime/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createResourceCache } from "./cache.js";
import type { XdsServerOptions } from "./options.js";
import { createXdsServer } from "./server.js";
import { eventually } from "./testing/real-envoy.js";
import { resource } from "./testing/scene.js";
import { TypeUrl } from "./type.js";

const aggregated = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(options: Partial<XdsServerOptions> = {}, listen: Parameters<ReturnType<typeof createXdsServer>["listen"]>[1] = {}) {
  const cache = createResourceCache();
  cache.replace("all", [resource(TypeUrl.cluster, "a")]);
  const server = createXdsServer({ cache, view: () => ({ layers: ["all"] }), ...options });
  const { port } = await server.listen("127.0.0.1:0", listen);
  cleanups.push(() => server.stop({ graceMs: 0 }));
  return { cache, server, port };
}

/** One call, with what came over it. */
class Caller {
  readonly responses: DeltaDiscoveryResponse[] = [];
  ended: { code: number; details: string } | undefined;
  readonly call: ClientDuplexStream<Buffer, Buffer>;

  constructor(port: number, path = aggregated, trust: ChannelCredentials = credentials.createInsecure(), read = true) {
    const client = new Client(`127.0.0.1:${port}`, trust, { "grpc.use_local_subchannel_pool": 1 });
    cleanups.push(() => client.close());
    const same = (bytes: Buffer) => bytes;
    this.call = client.makeBidiStreamRequest(path, same, same);
    if (read) this.call.on("data", (bytes: Buffer) => this.responses.push(fromBinary(DeltaDiscoveryResponseSchema, bytes)));
    this.call.on("error", () => undefined);
    this.call.on("status", ({ code, details }) => {
      this.ended = { code, details };
    });
    cleanups.push(() => this.call.cancel());
  }

  send(request: Partial<Omit<DeltaDiscoveryRequest, "node" | "$typeName" | "$unknown">> & { node?: string }): void {
    const { node, ...rest } = request;
    const message = create(DeltaDiscoveryRequestSchema, { ...rest, ...(node === undefined ? {} : { node: { id: node } }) });
    this.call.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)));
  }

  response(): Promise<DeltaDiscoveryResponse> {
    return eventually(() => this.responses.shift());
  }

  end(): Promise<{ code: number; details: string }> {
    return eventually(() => this.ended);
  }
}

/** A stream that works, to show that what happened to another one did not disturb it. */
async function wellBehaved(port: number): Promise<{ stillWorks: () => Promise<void> }> {
  const caller = new Caller(port);
  caller.send({ node: "good", typeUrl: TypeUrl.cluster });
  caller.send({ typeUrl: TypeUrl.cluster, responseNonce: (await caller.response()).nonce });
  return {
    stillWorks: async () => {
      caller.send({ typeUrl: TypeUrl.cluster, resourceNamesSubscribe: ["a"] });
      const { nonce } = await caller.response();
      caller.send({ typeUrl: TypeUrl.cluster, responseNonce: nonce });
      expect(caller.ended).toBeUndefined();
    },
  };
}

describe("bad clients", () => {
  it.each([
    ["bytes that are no protobuf", (c: Caller) => c.call.write(Buffer.from([0xff, 0xff, 0xff])), status.INTERNAL],
    ["a first request without a node", (c: Caller) => c.send({ typeUrl: TypeUrl.cluster }), status.INVALID_ARGUMENT],
    ["a request that is too long", (c: Caller) => c.send({ node: "x".repeat(200_000) }), status.RESOURCE_EXHAUSTED],
    [
      "too many names",
      (c: Caller) =>
        c.send({ node: "n", typeUrl: TypeUrl.endpoint, resourceNamesSubscribe: Array.from({ length: 101 }, (_, i) => `n${i}`) }),
      status.RESOURCE_EXHAUSTED,
    ],
    ["no request at all", () => undefined, status.DEADLINE_EXCEEDED],
  ])("end with the right status for %s, and disturb no other", async (_, act, code) => {
    const { port } = await serve({ limits: { messageBytes: 100_000, names: 100, firstRequestMs: 500 } });
    const good = await wellBehaved(port);
    const bad = new Caller(port);
    act(bad);
    expect((await bad.end()).code).toBe(code);
    await good.stillWorks();
  });

  it("end when the node's id changes within a stream", async () => {
    const { port } = await serve();
    const caller = new Caller(port);
    caller.send({ node: "one", typeUrl: TypeUrl.cluster });
    await caller.response();
    caller.send({ node: "one", typeUrl: TypeUrl.listener });
    await caller.response();
    caller.send({ node: "two", typeUrl: TypeUrl.route });
    expect(await caller.end()).toEqual({ code: status.INVALID_ARGUMENT, details: "the node's id changed within the stream" });
  });

  it("end when there are too many streams", async () => {
    const { port } = await serve({ limits: { streams: 1 } });
    const good = await wellBehaved(port);
    expect((await new Caller(port).end()).code).toBe(status.RESOURCE_EXHAUSTED);
    await good.stillWorks();
  });

  it("end when they read nothing, while memory holds one response for them", async () => {
    const { cache, server, port } = await serve({ limits: { unreadMs: 500 } });
    const good = await wellBehaved(port);
    const big = { ...resource(TypeUrl.endpoint, "big"), bytes: Buffer.alloc(8 * 1024 * 1024) };
    cache.patch("all", { set: [big] });
    const idle = new Caller(port, aggregated, undefined, false);
    idle.send({ node: "idle", typeUrl: TypeUrl.endpoint, resourceNamesSubscribe: ["big"] });
    await eventually(() => server.status().some(({ node }) => node === "idle"));
    await eventually(() => server.status().every(({ node }) => node !== "idle"));
    await good.stillWorks();
  });

  it("are told when a method does not exist", async () => {
    const { port } = await serve();
    expect((await new Caller(port, "/envoy.service.discovery.v3.AggregatedDiscoveryService/Nothing").end()).code).toBe(
      status.UNIMPLEMENTED,
    );
  });

  it("are told no more than trailers hold, whatever they ask for", async () => {
    const { port } = await serve();
    const { code, details } = await new Caller(port, `/${"é".repeat(2_000)}`).end();
    expect(code).toBe(status.UNIMPLEMENTED);
    expect(details).toMatch(/^no method .{900,1100} \[…\]$/);
  });
});

describe("a stream", () => {
  it("is ended orderly when its client has no more to say", async () => {
    const { server, port } = await serve();
    const caller = new Caller(port);
    caller.send({ node: "n", typeUrl: TypeUrl.cluster });
    await caller.response();
    caller.call.end();
    expect((await caller.end()).code).toBe(status.OK);
    await eventually(() => server.status().length === 0);
  });

  it("may share its node id with another (13)", async () => {
    const { cache, port } = await serve();
    const callers = [new Caller(port), new Caller(port)];
    for (const caller of callers) {
      caller.send({ node: "same", typeUrl: TypeUrl.cluster });
      const { nonce } = await caller.response();
      caller.send({ typeUrl: TypeUrl.cluster, responseNonce: nonce });
    }
    cache.patch("all", { set: [resource(TypeUrl.cluster, "b")] });
    for (const caller of callers) expect((await caller.response()).resources[0]?.name).toBe("b");
  });

  it.each([
    ["cluster", "Cluster", "DeltaClusters"],
    ["endpoint", "Endpoint", "DeltaEndpoints"],
    ["listener", "Listener", "DeltaListeners"],
    ["route", "Route", "DeltaRoutes"],
    ["virtualHost", "VirtualHost", "DeltaVirtualHosts"],
    ["secret", "Secret", "DeltaSecrets"],
    ["runtime", "Runtime", "DeltaRuntime"],
  ] as const)("of the service of a single type serves that type: %s", async (type, service, method) => {
    const { cache, port } = await serve();
    cache.patch("all", { set: [resource(TypeUrl[type], "one")] });
    const folder = type === "virtualHost" ? "route" : type;
    const caller = new Caller(port, `/envoy.service.${folder}.v3.${service}DiscoveryService/${method}`);
    caller.send({ node: "n", resourceNamesSubscribe: ["one"] });
    expect((await caller.response()).typeUrl).toBe(TypeUrl[type]);
    caller.send({ typeUrl: type === "cluster" ? TypeUrl.route : TypeUrl.cluster });
    expect((await caller.end()).code).toBe(status.INVALID_ARGUMENT);
  });

  it("is ended after its maximum age so that the load moves", async () => {
    const { port } = await serve({ limits: { streamAgeMs: 300 } });
    const caller = new Caller(port);
    caller.send({ node: "n", typeUrl: TypeUrl.cluster });
    expect(await caller.end()).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringContaining("old") });
  });
});

const mutual = ({ ca }: TestAuthority, { key, cert }: TestLeaf) =>
  credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(cert));

describe("who may connect", () => {
  it("is decided by TLS certificates", async () => {
    const authority = createTestAuthority();
    const tls = { ca: authority.ca, ...authority.issue(["127.0.0.1"]) };
    const { port } = await serve(
      { authorize: (node, identity) => (node.id === identity ? undefined : "the node is not its certificate's") },
      { tls },
    );
    const nobody = new Caller(port, aggregated, mutual(authority, createTestAuthority().issue(["orders"])));
    nobody.send({ node: "orders", typeUrl: TypeUrl.cluster });
    expect((await nobody.end()).code).toBe(status.UNAVAILABLE);
    const other = new Caller(port, aggregated, mutual(authority, authority.issue(["orders"])));
    other.send({ node: "payments", typeUrl: TypeUrl.cluster });
    expect((await other.end()).code).toBe(status.PERMISSION_DENIED);
  });

  it("is shown to the authentication hook, which sees certificate and metadata", async () => {
    const authority = createTestAuthority();
    const tls = { ca: authority.ca, ...authority.issue(["127.0.0.1"]) };
    const authenticate: XdsServerOptions["authenticate"] = async ({ certificate }) => certificate?.subjectaltname?.replace("DNS:", "");
    const authorize: XdsServerOptions["authorize"] = (node, identity) =>
      node.id === identity ? undefined : `${node.id} is not ${identity}`;
    const { port } = await serve({ authenticate, authorize }, { tls });
    const trust = mutual(authority, authority.issue(["orders"]));
    const caller = new Caller(port, aggregated, trust);
    caller.send({ node: "orders", typeUrl: TypeUrl.cluster });
    expect((await caller.response()).resources).toHaveLength(1);
    const liar = new Caller(port, aggregated, trust);
    liar.send({ node: "payments", typeUrl: TypeUrl.cluster });
    expect(await liar.end()).toEqual({ code: status.PERMISSION_DENIED, details: "payments is not orders" });
  });

  it("is refused with the hook's own words", async () => {
    const { port } = await serve({
      authenticate: ({ headers }) => {
        if (headers["authorization"] !== "Bearer right") throw new Error("send a token");
      },
    });
    const caller = new Caller(port);
    caller.send({ node: "n", typeUrl: TypeUrl.cluster });
    expect(await caller.end()).toEqual({ code: status.UNAUTHENTICATED, details: "send a token" });
  });
});

describe("the socket", () => {
  it("says which port is taken and by which flag to choose another", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => taken.close());
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : 0;
    const server = createXdsServer({ cache: createResourceCache(), view: () => undefined });
    await expect(server.listen(`127.0.0.1:${port}`, { flag: "--xds-addr" })).rejects.toThrow(
      new RegExp(`port ${port} is in use.*--xds-addr`),
    );
    await server.stop({ graceMs: 0 });
  });

  it("refuses what is no address", async () => {
    const server = createXdsServer({ cache: createResourceCache(), view: () => undefined });
    await expect(server.listen("nonsense", { flag: "--xds-addr" })).rejects.toThrow(/not host:port.*--xds-addr/);
  });
});

describe("stopping", () => {
  it("spreads the end of the streams over the grace time", async () => {
    let turn = 0;
    const { server, port } = await serve({ random: () => [0, 0.5, 1][turn++ % 3] ?? 0 });
    const callers = [1, 2, 3].map(() => new Caller(port));
    for (const caller of callers) {
      caller.send({ node: "n", typeUrl: TypeUrl.cluster });
      await caller.response();
    }
    turn = 0;
    const stopped = server.stop({ graceMs: 1_000 });
    await eventually(() => callers.filter((c) => c.ended).length === 1);
    await eventually(() => callers.filter((c) => c.ended).length === 2);
    await stopped;
    for (const caller of callers) expect((await caller.end()).code).toBe(status.UNAVAILABLE);
  });
});
