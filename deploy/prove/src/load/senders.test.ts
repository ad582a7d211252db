import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Server, ServerCredentials, type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { Sender } from "@legation/local";
import { afterEach, describe, expect, it } from "vitest";
import { type Ask, type Price, pricesService } from "../prices.js";
import { alternating } from "./alternating.js";
import { http2Sender } from "./http2-sender.js";
import { type StreamSender, streamSender } from "./stream-sender.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it("alternates by the given shares", async () => {
  const named = (by: string): Sender => ({ send: async () => ({ ok: true, answeredBy: [by] }), close: () => undefined });
  const sender = alternating([
    [named("a"), 2],
    [named("b"), 1],
  ]);
  const sent = await Promise.all(Array.from({ length: 6 }, () => sender.send()));
  expect(sent.map(({ answeredBy = [] }) => answeredBy.join())).toEqual(["a", "a", "b", "a", "a", "b"]);
});

describe("requests over HTTP/2", () => {
  async function serve(answer: Parameters<Http2Server["on"]>[1]): Promise<{ sender: Sender; sessions: ServerHttp2Session[] }> {
    const sessions: ServerHttp2Session[] = [];
    const server = createServer();
    server.on("session", (session) => sessions.push(session));
    server.on("stream", answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const sender = http2Sender({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, authority: "stock", timeoutMs: 300 });
    ends.push(
      () => server.close(),
      () => sender.close(),
    );
    return { sender, sessions };
  }

  it("succeed on one connection, and on another once that was closed in order", async () => {
    const { sender, sessions } = await serve((stream) => {
      stream.respond({ ":status": 200, "x-answered-by": "stock-1" });
      stream.end("stock-1");
    });
    expect(await Promise.all([sender.send(), sender.send()])).toEqual(Array(2).fill({ ok: true, answeredBy: ["stock-1"] }));
    expect(sessions.length).toBe(1);
    await new Promise<void>((resolve) => sessions[0]?.close(resolve));
    expect(await sender.send()).toMatchObject({ ok: true });
    expect(sessions.length).toBe(2);
  });

  it.each<[string, Parameters<Http2Server["on"]>[1], string]>([
    [
      "a status from 500",
      (stream) => {
        stream.respond({ ":status": 503 });
        stream.end("no healthy upstream");
      },
      "503 no healthy upstream",
    ],
    ["silence", () => undefined, "no answer within 0.3 s"],
    [
      "a reset after the headers",
      (stream) => {
        stream.on("error", () => undefined);
        stream.respond({ ":status": 200 });
        stream.write("a part", () => stream.destroy(new Error("broken")));
      },
      "ERR_HTTP2_STREAM_ERROR",
    ],
    ["a broken connection", (stream) => stream.session.destroy(), ""],
  ])("fail by %s", async (_what, answer, reason) => {
    const { sender } = await serve(answer);
    expect(await sender.send()).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
  });
});

describe("messages over gRPC streams", () => {
  async function serve(watch: (call: ServerDuplexStream<Ask, Price>) => void): Promise<StreamSender> {
    const server = new Server();
    server.addService(pricesService, { watch });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    const sender = streamSender({ address: `127.0.0.1:${port}`, authority: "prices", streams: 2, messages: 3, timeoutMs: 500 });
    ends.push(
      () => server.forceShutdown(),
      () => sender.close(),
    );
    return sender;
  }

  it("are answered one by one; a stream ends after its messages and another is opened", async () => {
    const sender = await serve((call) => {
      call.on("data", ({ n }: Ask) => call.write({ n, by: "prices-1" }));
      call.on("end", () => call.end());
    });
    const sent = await Promise.all(Array.from({ length: 8 }, () => sender.send()));
    expect(sent).toEqual(Array(8).fill({ ok: true, answeredBy: ["prices-1"] }));
    expect(await sender.finish()).toEqual({ opened: 4, ok: 4, broken: [] });
  });

  it("fail when their stream ends with OK but without them", async () => {
    const sender = await serve((call) => {
      call.on("data", ({ n }: Ask) => {
        if (n === 0) call.write({ n, by: "prices-1" });
      });
      call.on("end", () => call.end());
    });
    const sent = await Promise.all(Array.from({ length: 6 }, () => sender.send()));
    expect(sent.filter(({ ok }) => ok).length).toBe(2);
    const { ok, broken } = await sender.finish();
    expect(ok).toBe(0);
    expect(broken.map(({ reason }) => reason)).toEqual(Array(2).fill("ended OK with 2 unanswered"));
  });

  it.each<[string, (call: ServerDuplexStream<Ask, Price>) => void, string]>([
    ["a status other than OK", (call) => call.emit("error", { code: status.UNAVAILABLE, details: "gone" }), "UNAVAILABLE: gone"],
    ["an end that its caller did not ask for", (call) => call.end(), "before the caller had ended it"],
    ["silence", () => undefined, "no answer within 0.5 s"],
  ])("fail by %s", async (_what, watch, reason) => {
    const sender = await serve(watch);
    expect(await sender.send()).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
    expect(await sender.finish()).toMatchObject({ opened: 1, ok: 0, broken: [{ reason: expect.stringContaining(reason) }] });
  });
});
