/** The same server on a grpc-js server: what differs between the two transports, seen by a client that nobody here wrote. */
import { once } from "node:events";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ClientDuplexStream,
  credentials,
  Client as GrpcClient,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { afterEach, expect, it, vi } from "vitest";
import { createResourceCache } from "./cache.js";
import { registerXds } from "./grpc-js.js";
import type { XdsServerOptions } from "./options.js";
import { createXdsServer } from "./server.js";
import { resource } from "./testing/scene.js";
import { TypeUrl } from "./type.js";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ads = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

async function serve(options: Partial<XdsServerOptions> = {}) {
  const cache = createResourceCache();
  cache.replace("all", [resource(TypeUrl.cluster, "orders")]);
  const xds = createXdsServer({ cache, view: () => ({ layers: ["all"] }), ...options });
  const grpc = new Server({ "grpc.max_receive_message_length": 4_096 });
  registerXds(grpc, xds);
  const port = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  cleanups.push(async () => {
    await xds.stop({ graceMs: 0 });
    grpc.forceShutdown();
  });
  return { cache, xds, grpc, port };
}

type Stream = ClientDuplexStream<Buffer, Buffer>;

function open(port: number, path = ads, metadata = new Metadata()): Stream {
  const client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanups.push(() => client.close());
  const bytes = (value: Buffer) => value;
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, bytes, bytes, metadata);
  stream.on("error", () => undefined);
  cleanups.push(() => stream.cancel());
  return stream;
}

function request(stream: Stream, fields: { typeUrl?: string; responseNonce?: string }): void {
  stream.write(
    Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node: { id: "node" }, ...fields }))),
  );
}

async function response(stream: Stream): Promise<DeltaDiscoveryResponse> {
  const [bytes] = await once(stream, "data");
  return fromBinary(DeltaDiscoveryResponseSchema, bytes);
}

function status(stream: Stream): Promise<ServiceError> {
  stream.resume();
  return new Promise((resolve) => stream.once("error", resolve));
}

it("serves a state, takes its acknowledgement, and sends a change", async () => {
  const { cache, xds, port } = await serve();
  const stream = open(port);
  request(stream, { typeUrl: TypeUrl.cluster });
  const first = await response(stream);
  expect(first.resources.map(({ name }) => name)).toEqual(["orders"]);
  request(stream, { typeUrl: TypeUrl.cluster, responseNonce: first.nonce });
  await vi.waitFor(() => expect(xds.status()[0]?.types[0]?.outstandingSince).toBeUndefined());
  cache.patch("all", { set: [resource(TypeUrl.cluster, "payments")] });
  expect((await response(stream)).resources.map(({ name }) => name)).toEqual(["payments"]);
  expect(xds.status()[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
});

it("forgets a stream that its client cancels, and one that its client ends", async () => {
  const { xds, port } = await serve();
  for (const leave of [(stream: Stream) => stream.cancel(), (stream: Stream) => stream.end()]) {
    const stream = open(port);
    request(stream, { typeUrl: TypeUrl.cluster });
    await response(stream);
    expect(xds.status().length).toBe(1);
    leave(stream);
    await vi.waitFor(() => expect(xds.status()).toEqual([]));
  }
});

it("gives each fault its gRPC status", async () => {
  const { xds, port } = await serve();
  const garbage = open(port);
  garbage.write(Buffer.from([0xff, 0xff, 0xff]));
  expect(await status(garbage)).toMatchObject({ code: 13, details: expect.stringContaining("cannot be read") });
  const large = open(port);
  large.write(Buffer.alloc(8_192));
  expect(await status(large)).toMatchObject({ code: 8 });
  const absent = open(port, "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats");
  expect(await status(absent)).toMatchObject({ code: 12 });
  await vi.waitFor(() => expect(xds.status()).toEqual([]));
});

it("shows the call's metadata to the hook that authenticates", async () => {
  const { port } = await serve({
    authenticate: ({ headers }) => {
      if (headers["authorization"] !== "Bearer s3cret") throw new Error("no token");
      return "web";
    },
  });
  const allowed = new Metadata();
  allowed.set("authorization", "Bearer s3cret");
  const stream = open(port, ads, allowed);
  request(stream, { typeUrl: TypeUrl.cluster });
  expect((await response(stream)).resources.length).toBe(1);
  const refused = open(port);
  request(refused, { typeUrl: TypeUrl.cluster });
  expect(await status(refused)).toMatchObject({ code: 16 });
});

it("tells its streams to go elsewhere when it stops", async () => {
  const { xds, port } = await serve();
  const stream = open(port);
  request(stream, { typeUrl: TypeUrl.cluster });
  await response(stream);
  const ended = status(stream);
  await xds.stop({ graceMs: 0 });
  expect(await ended).toMatchObject({ code: 14, details: expect.stringContaining("stopping") });
});

it("refuses a gRPC server that serves another xDS server already", async () => {
  const { xds, grpc } = await serve();
  expect(() => registerXds(grpc, xds)).toThrow("registered already");
});
