/** The listening socket against clients that break the rules of HTTP/2 or vanish in the middle of it. */
import { once } from "node:events";
import http2 from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createResourceCache } from "./cache.js";
import type { Limits } from "./limits.js";
import { createXdsServer } from "./server.js";
import { eventually } from "./testing/real-envoy.js";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), http2Frame(4, Buffer.alloc(0))]);
const goaway = http2Frame(7, Buffer.alloc(8));

/** A frame of HTTP/2 for the connection itself. */
function http2Frame(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  return Buffer.concat([header, payload]);
}

/** Rejects when the promise takes longer than 10 s, so that a failure is seen before the runner's own limit. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it takes too long")), 10_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function serve(keepalive: { interval: number; timeout: number }, limits: Partial<Limits> = {}) {
  const cache = createResourceCache();
  cache.replace("all", []);
  const server = createXdsServer({ cache, view: () => ({ layers: ["all"] }), keepalive, limits });
  const { port } = await server.listen("127.0.0.1:0");
  return { server, port };
}

/** A client that never closes its own side of the connection. */
async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  cleanups.push(() => socket.destroy());
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "connect");
  return socket;
}

it("hangs up on a client that says goodbye and never closes its connection", async () => {
  const { server, port } = await serve({ interval: 50, timeout: 50 });
  cleanups.push(() => server.stop({ graceMs: 0 }));
  const socket = await connected(port);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(Buffer.concat([preface, goaway]));
  await once(socket, "end");
  const probe = setInterval(() => socket.write("x"), 20);
  cleanups.push(() => clearInterval(probe));
  await soon(closed);
});

it("stops although a client that said goodbye keeps its connection open", async () => {
  const { server, port } = await serve({ interval: 60_000, timeout: 60_000 });
  const socket = await connected(port);
  socket.write(Buffer.concat([preface, goaway]));
  await once(socket, "end");
  await soon(server.stop({ graceMs: 0 }));
  await expect(connected(port)).rejects.toThrow("ECONNREFUSED");
});

const long = { interval: 60_000, timeout: 60_000 };

/** Opens calls on one connection. */
function caller(port: number): () => http2.ClientHttp2Stream {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  cleanups.push(() => session.destroy());
  const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
  return () => {
    const call = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" }, { endStream: false });
    call.on("error", () => undefined);
    return call;
  };
}

async function refusalOf(call: http2.ClientHttp2Stream): Promise<unknown> {
  const [headers] = await once(call, "response");
  return headers["grpc-status"];
}

it.each([
  ["cannot be read", Buffer.from([0, 0, 0, 0, 1, 0xff])],
  ["is compressed in no known way", Buffer.from([1, 0, 0, 0, 1, 0])],
])("forgets a stream whose request %s, although its client does not end it", async (_what, bytes) => {
  const { server, port } = await serve(long);
  cleanups.push(() => server.stop({ graceMs: 0 }));
  const call = caller(port)();
  await eventually(() => server.status().length === 1);
  call.write(bytes);
  const closed = new Promise((resolve) => call.once("close", resolve));
  expect(await refusalOf(call)).toBe("13");
  expect(server.status()).toEqual([]);
  call.resume();
  await soon(closed);
  expect(call.rstCode).toBe(http2.constants.NGHTTP2_NO_ERROR);
});

it("refuses requests that are half received once all together hold too much, and takes others again when they are gone", async () => {
  const { server, port } = await serve(long, { messageBytes: 1_000 });
  cleanups.push(() => server.stop({ graceMs: 0 }));
  const open = caller(port);
  const half = Buffer.alloc(5 + 999);
  half.writeUInt32BE(1_000, 1);
  const first = Array.from({ length: 7 }, () => open());
  for (const call of first) call.write(half);
  await eventually(() => server.status().length === 7);
  const [eighth, ninth] = [open(), open()];
  eighth.write(half.subarray(0, 900));
  ninth.write(half.subarray(0, 900));
  expect(await refusalOf(ninth)).toBe("8");
  for (const call of [...first, eighth]) call.close();
  await eventually(() => server.status().length === 0);
  const late = open();
  late.write(half);
  await eventually(() => server.status().length === 1);
  late.write(Buffer.from([0xff]));
  expect(await refusalOf(late)).toBe("13");
});
