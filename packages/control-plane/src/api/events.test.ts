import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import fastify from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { createEvents, type Events } from "../events/events.js";
import { createEventRelay } from "../events/relay.js";
import { eventHeartbeat, slowReader, streamEvents } from "../events/stream.js";
import { createTestEvents } from "../testing/events.js";
import { createGuardedApi } from "../testing/guarded-api.js";
import { until } from "../testing/until.js";
import { addEventRelayRoute } from "./events.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const joined = (events: Pick<Events, "tell">, name: string, text = `${name} has joined`) =>
  events.tell({ type: "replica.joined", text, details: { name, address: name } });

/** Opens the stream of a URL and gathers its text. */
async function open(url: string, headers: Record<string, string> = {}) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(url, { headers: { accept: "text/event-stream", ...headers }, agent: false }, resolve);
    asked.once("error", reject);
    asked.end();
    ends.push(() => asked.destroy());
  });
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (part: string) => {
    text += part;
  });
  let ended = false;
  response.once("close", () => {
    ended = true;
  });
  return {
    status: response.statusCode,
    text: () => text,
    ended: () => ended,
    names: () =>
      [...text.matchAll(/^data: (.*)$/gm)].map(([, data = "{}"]) => (JSON.parse(data) as { details?: { name?: string } }).details?.name),
    last: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? "",
  };
}

describe("the list", () => {
  test("goes on where an earlier answer ended, in pages, and takes types, services, severities and times", async () => {
    const { ask, told } = await createGuardedApi({ mode: "off" });
    const types = async (query: string) =>
      ((await ask(`/api/events${query}`)).body.events as { type: string }[]).map(({ type }) => type.replace("service.", ""));
    expect(await types("")).toEqual(["registered", "registered", "registered", "catalog.completed"]);
    expect(await types("?type=catalog,instance.health-changed")).toEqual(["catalog.completed"]);
    expect(await types("?type=cat")).toEqual([]);
    expect(await types("?service=orders")).toEqual(["registered"]);
    expect(await types("?severity=warning")).toEqual([]);
    expect(await types("?limit=1")).toEqual(["catalog.completed"]);
    expect(await types("?since=2100-01-01T00:00:00Z")).toEqual([]);
    expect(await types("?since=2000-01-01T00:00:00%2B01:00&limit=3")).toEqual(["registered", "registered", "registered"]);
    const first = (await ask("/api/events?since=2000-01-01T00:00:00Z&limit=3")).body;
    expect(first).toMatchObject({ more: true, silent: [] });
    const second = (await ask(`/api/events?after=${first.next}&limit=3`)).body;
    expect(second).toMatchObject({ more: false, events: [{ type: "catalog.completed" }] });
    expect((await ask(`/api/events?after=${second.next}`)).body.events).toEqual([]);
    joined(told, "one");
    expect((await ask(`/api/events?after=${second.next}`)).body.events).toMatchObject([{ type: "replica.joined" }]);
    expect((await ask("/api/events?after=x")).body).toMatchObject({ status: 400, code: "request.invalid" });
    expect((await ask("/api/events?severity=bad")).status).toBe(400);
  });
});

describe("the stream", () => {
  test("gives what comes from now on, goes on after the last id, and says when that is none", async () => {
    const { app, told } = await createGuardedApi({ mode: "off" });
    const url = `${await app.listen({ port: 0, host: "127.0.0.1" })}/api/events`;
    ends.push(() => app.close());
    const one = await open(url);
    await until("the first place", () => one.last() !== "");
    joined(told, "a");
    await until("an event", () => one.names().length === 1);
    expect(one.text()).toMatch(/^: open\nretry: 1000\n\n/);
    expect(one.text()).toContain("event: replica.joined\ndata: {");
    joined(told, "b");
    await until("the next", () => one.names().length === 2);
    const [, afterA = ""] = [...one.text().matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
    const two = await open(url, { "last-event-id": afterA });
    await until("what came after a", () => two.names().length === 1);
    expect(two.names()).toEqual(["b"]);
    const lost = await open(`${url}?type=replica`, { "last-event-id": "nonsense" });
    await until("everything that is kept", () => lost.names().length === 3);
    expect(lost.text()).toContain('event: gap\ndata: {"missing":0');
  });

  test("holds what the caller may read alone", async () => {
    const { app, told } = await createGuardedApi();
    const url = `${await app.listen({ port: 0, host: "127.0.0.1" })}/api/events?since=2000-01-01T00:00:00Z`;
    ends.push(() => app.close());
    const types = (stream: Awaited<ReturnType<typeof open>>) =>
      [...stream.text().matchAll(/"service":"(\w+)"/g)].map(([, service]) => service);
    const reader = await open(url, { "x-consul-token": "reader" });
    const operator = await open(url, { "x-consul-token": "operator" });
    await until("the events", () => types(operator).length === 3 && types(reader).length === 2);
    joined(told, "a");
    await until("the event of the mesh", () => operator.names().includes("a"));
    expect(types(reader)).toEqual(["orders", "web"]);
    expect(reader.names()).not.toContain("a");
    expect((await open(url)).status).toBe(401);
  });

  test("carries a place when it is idle, and lets go of a reader that does not read", async () => {
    const clock = createTestClock();
    const events = createTestEvents(clock);
    let done = false;
    const server = createServer((_request, raw) => {
      const from = { place: 0, cursor: new Map<string, number>() };
      void streamEvents({ raw, log: events.log, from, gap: undefined, wanted: () => true, visible: async (rows) => rows, clock }).then(
        () => {
          done = true;
        },
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve)));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const stream = await open(url);
    joined(events, "a");
    await until("an event", () => stream.names().length === 1);
    const before = stream.text().length;
    await clock.advance(eventHeartbeat);
    await until("a heartbeat", () => stream.text().length > before);
    expect(stream.text().slice(before)).toBe(": still here\nid: 00000000.1\n\n");
    const slow = await new Promise<IncomingMessage>((resolve) => {
      const asked = request(url, { agent: false }, resolve);
      asked.end();
      ends.push(() => asked.destroy());
    });
    slow.pause();
    // More than the sockets of both sides hold.
    for (let i = 0; i < 4_000; i++) joined(events, `n${i}`, "x".repeat(8_192));
    await until("the end of the slow reader", async () => {
      await clock.advance(slowReader);
      return done;
    });
  });
});

describe("the relay between control planes", () => {
  test("brings each event to the others once, and says who does not tell", async () => {
    const clock = createTestClock(Date.parse("2026-01-01T00:00:00Z"));
    const log = createLogger({ name: "t", level: "silent" });
    const made = (run: string) => createEvents({ clock, run, address: () => run });
    const [a, b] = [made("aaaaaaaa"), made("bbbbbbbb")];
    const app = fastify();
    app.decorateRequest("access");
    addEventRelayRoute(app, { log: a.log }, clock);
    ends.push(() => app.close());
    let well = true;
    let odd = false;
    const relay = createEventRelay({
      async ask(_to, path, body) {
        if (!well) throw new Error("refused the connection");
        if (odd) return { rows: Array.from({ length: 500 }, () => ({})), upTo: 1 };
        return (await app.inject({ method: "POST", url: path, payload: body as object })).json();
      },
      take: b.take,
      clock,
      log,
    });
    ends.push(() => relay.stop());
    relay.replicas([{ replica: "a", address: "a:8080", tls: false }]);
    joined(a, "one");
    await until("the event", async () => {
      await clock.advance(50);
      return b.list().length === 1;
    });
    well = false;
    joined(a, "two");
    await until("the failure", async () => {
      await clock.advance(100);
      return relay.silent().length === 1;
    });
    expect(relay.silent()).toEqual(["a:8080 refused the connection"]);
    [well, odd] = [true, true];
    await until("an answer that cannot be read", async () => {
      await clock.advance(1_000);
      return relay.silent()[0] === "a:8080 tells of its events what this version does not understand";
    });
    odd = false;
    await until("what was told meanwhile", async () => {
      await clock.advance(1_000);
      return b.list().length === 2;
    });
    expect(b.list()).toEqual(a.list());
    relay.replicas([]);
    expect(relay.silent()).toEqual([]);
  });
});
