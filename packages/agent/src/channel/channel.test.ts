import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type AgentReport,
  arrivingPath,
  type Command,
  commandsPath,
  type IdentityMode,
  leavingPath,
  type RoutingNotice,
  reportPath,
} from "@legation/contract";
import { createBackoff, createLogger, systemClock } from "@legation/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { exchange } from "../http-exchange.js";
import { until } from "../testing/until.js";
import { type Channel, createChannel } from "./channel.js";
import { createEventParser } from "./event-stream.js";

interface Plane {
  readonly url: string;
  readonly got: string[];
  readonly notices: RoutingNotice[];
  readonly streams: ServerResponse[];
  close(): Promise<void>;
}

const planes: Plane[] = [];
const channels: Channel[] = [];
const never = new AbortController().signal;
afterEach(async () => {
  await Promise.all(channels.splice(0).map((channel) => channel.stop()));
  await Promise.all(planes.splice(0).map((plane) => plane.close()));
});

async function plane({ silent = false, port = 0 } = {}): Promise<Plane> {
  const notices: RoutingNotice[] = [];
  const got: string[] = [];
  const streams: ServerResponse[] = [];
  const server: Server = createServer((request, reply) => {
    const path = request.url?.split("?")[0] ?? "";
    got.push(path);
    if (path === commandsPath) {
      reply.writeHead(200, { "content-type": "text/event-stream" }).write(": open\n\n");
      streams.push(reply);
    } else if (path === leavingPath || path === arrivingPath) {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.once("end", () => {
        notices.push(JSON.parse(Buffer.concat(chunks).toString()) as RoutingNotice);
        if (!silent) reply.end('{"accepted":true,"subscribers":3,"laggards":[],"replicas":1,"silent":[],"replica":"r1"}');
      });
    } else request.resume().once("end", () => reply.end("{}"));
  });
  const at = await new Promise<number>((resolve) =>
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
  const opened: Plane = {
    url: `http://127.0.0.1:${at}`,
    got,
    notices,
    streams,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  planes.push(opened);
  return opened;
}

function open(...apis: string[]) {
  const commands: Command[] = [];
  const modes: IdentityMode[] = [];
  const reported: AgentReport[] = [];
  const identity = { node: "n", id: "orders-1", service: "orders" };
  const report: AgentReport = { ...identity, agentVersion: "1", state: "running", restartCount: 0, admin: "http://127.0.0.1:1" };
  const channel = createChannel({
    apis,
    contacts: {
      at: async (url) => ({ url, headers: {} }),
      ask: (api, path, how) => exchange(api + path, how),
      learn: async () => undefined,
    },
    identity,
    report: () => report,
    onReported: (taken) => reported.push(taken),
    onCommand: async (command) => void commands.push(command),
    onMode: (mode) => modes.push(mode),
    clock: systemClock,
    reportBackoff: createBackoff({ base: 10, max: 50 }),
    commandBackoff: createBackoff({ base: 10, max: 50 }),
    log: createLogger({ name: "test", level: "silent" }),
  });
  channels.push(channel);
  return { channel, commands, modes, reported };
}

describe("the channel to a control plane", () => {
  it("reports at once, again on a change, and takes commands", async () => {
    const up = await plane();
    const { channel, commands, reported } = open(up.url);
    channel.begin();
    await until("a report and a stream", () => up.got.includes(reportPath) && channel.state.listening);
    channel.changed();
    await until("another report", () => up.got.filter((path) => path === reportPath).length === 2);
    await until("both to be known as taken", () => reported.length === 2);
    up.streams[0]?.write('id: 1\nevent: command\ndata: {"id":"1","kind":"restart","force":true}\n\ndata: not json\n\n');
    up.streams[0]?.write('data: {"id":"2","kind":"drain"}\n\n');
    await until("both commands", () => commands.length === 2);
    expect(commands).toEqual([
      { id: "1", kind: "restart", force: true },
      { id: "2", kind: "drain" },
    ]);
  });

  it("takes orders of a mode, and none that it does not know", async () => {
    const up = await plane();
    const { channel, commands, modes } = open(up.url);
    channel.begin();
    await until("a stream", () => up.streams.length === 1 && channel.state.listening);
    up.streams[0]?.write('data: {"kind":"identity","mode":"permissive"}\n\ndata: {"kind":"identity","mode":"harsh"}\n\n');
    up.streams[0]?.write('data: {"kind":"identity","mode":"strict"}\n\n');
    await until("both modes", () => modes.length === 2);
    expect(modes).toEqual(["permissive", "strict"]);
    expect(commands).toEqual([]);
  });

  it("reports at once to a control plane whose stream is a new one, as after its restart", async () => {
    const up = await plane();
    const { channel, reported } = open(up.url);
    channel.begin();
    await until("a report and a stream", () => reported.length === 1 && channel.state.listening);
    up.streams[0]?.end();
    await until("another stream, and a report long before the next one is due", () => up.streams.length === 2 && reported.length === 2);
  });

  it("asks by a notice of arriving whether callers use TLS", async () => {
    const up = await plane();
    const { channel } = open(up.url);
    expect(await channel.route("tls", 5_000, never)).toMatchObject({ accepted: true });
    expect(up.got).toEqual([arrivingPath]);
    expect(up.notices).toMatchObject([{ id: "orders-1", tls: true }]);
  });

  it("gives a stream up whose event never ends, and opens another", async () => {
    const up = await plane();
    const { channel, commands } = open(up.url);
    channel.begin();
    await until("a stream", () => up.streams.length === 1 && channel.state.listening);
    up.streams[0]?.write(`data: ${"x".repeat(1024 * 1024)}`);
    await until("another stream", () => up.streams.length === 2);
    up.streams[1]?.write('data: {"id":"2","kind":"drain"}\n\n');
    await until("its command", () => commands.length === 1);
  });

  it("takes the next control plane when the first does not answer, and comes back to life with it", async () => {
    const first = await plane();
    const second = await plane();
    const { channel } = open(first.url, second.url);
    channel.begin();
    await until("it reports to the first", () => channel.state.connected === first.url && channel.state.listening);
    expect(second.got).toEqual([]);
    await first.close();
    channel.changed();
    await until("it reports to the second and listens there", () => channel.state.connected === second.url && second.streams.length > 0);
    expect(await channel.route("leaving", 2_000, never)).toMatchObject({ accepted: true, subscribers: 3 });
    expect(second.notices).toMatchObject([{ node: "n", id: "orders-1", service: "orders" }]);
    const limit = second.notices[0]?.limitMs ?? 0;
    expect(limit).toBeGreaterThan(1_000);
    expect(limit).toBeLessThanOrEqual(1_750);
  });

  it("says that nobody can be told that it leaves", async () => {
    const { channel } = open("http://127.0.0.1:1");
    await expect(channel.route("leaving", 1_000, never)).rejects.toThrow("http://127.0.0.1:1 refused the connection");
  });

  it("asks the next control plane too when the first one is silent for long, and takes the first answer", async () => {
    const first = await plane({ silent: true });
    const second = await plane();
    const { channel } = open(first.url, second.url);
    expect(await channel.route("arriving", 20_000, never)).toMatchObject({ replica: "r1" });
    expect([...first.got, ...second.got]).toEqual([arrivingPath, arrivingPath]);
  });

  it("stops waiting for the answer when nobody wants it any more", async () => {
    const silent = await plane({ silent: true });
    const { channel } = open(silent.url);
    const unwanted = new AbortController();
    const answer = channel.route("leaving", 20_000, unwanted.signal);
    await until("the notice", () => silent.notices.length === 1);
    unwanted.abort(new Error("undrained"));
    await expect(answer).rejects.toThrow("undrained");
  });
});

describe("server-sent events", () => {
  it("are read in pieces, with comments and every kind of line end", () => {
    const events: string[] = [];
    const parse = createEventParser((data) => events.push(data));
    for (const piece of [": hello\n\nda", "ta: one\n", "\ndata:two\r\ndata: three\r", "\n\r\n", "event: x\n\n", "data: unfinished"])
      parse(piece);
    expect(events).toEqual(["one", "two\nthree"]);
  });
});
