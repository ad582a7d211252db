import { connect } from "node:net";
import {
  type AgentReport,
  arrivingPath,
  commandsPath,
  type IdentityMode,
  leavingPath,
  type RoutingNotice,
  reportPath,
} from "@legation/contract";
import { LegationError } from "@legation/runtime";
import { createTestClock, type TestClock } from "@legation/runtime/testing";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useProblems } from "../api/problem.js";
import { type CommandDirectory, createCommandDirectory } from "./commands.js";
import { type FanOut, superseded } from "./fan-out.js";
import { createIdentityOrders, type IdentityOrders } from "./identity-orders.js";
import { createReports, type Reports } from "./reports.js";
import { addChannelRoutes, commandHeartbeat } from "./routes.js";

let app: FastifyInstance;
let clock: TestClock;
let commands: CommandDirectory;
let reports: Reports;
let orders: IdentityOrders;
let mode: IdentityMode | undefined;
let taken: AgentReport[];
let notices: [string, RoutingNotice][];
let fail: Error | undefined;

beforeEach(() => {
  app = fastify({ forceCloseConnections: true });
  clock = createTestClock();
  commands = createCommandDirectory();
  taken = [];
  reports = createReports(clock, (report) => taken.push(report));
  notices = [];
  useProblems(app);
  const routing: FanOut["answer"] = async (direction, notice) => {
    notices.push([direction, notice]);
    if (fail) throw fail;
    return { accepted: true, subscribers: 3, laggards: ["n1/web-1"], replicas: 2, silent: [], replica: "r1" };
  };
  fail = undefined;
  mode = undefined;
  orders = createIdentityOrders(() => mode);
  addChannelRoutes(app, { reports, commands, orders, routing, serves: () => true, successThreshold: () => 4, clock });
});
afterEach(async () => {
  commands.close();
  await app.close();
});

const report = { node: "n1", id: "o1", service: "orders", agentVersion: "0.1.0", state: "running", restartCount: 1, admin: "http://x" };

test("a report tells of refused calls, of as many as agreed", async () => {
  const denied = { caller: "web", rule: "web=>orders", count: 3 };
  const send = async (rows: object[]) =>
    (await app.inject({ method: "POST", url: reportPath, payload: { ...report, denied: rows } })).statusCode;
  expect(await send([denied])).toBe(202);
  expect(taken).toMatchObject([{ service: "orders", denied: [denied] }]);
  expect(await send(new Array(21).fill(denied))).toBe(400);
  expect(await send([{ ...denied, count: -1 }])).toBe(400);
  expect(taken).toHaveLength(1);
});

test("a report tells how the service answers and which breakers are open, and hears how many successes close them", async () => {
  const load = { latency: 9, errors: 0, idle: 0 };
  const breaker = { service: "payments", address: "10.0.0.1:80", state: "open", cause: "consecutive 5xx", since: "2026-01-01T00:00:00Z" };
  const send = (more: object) => app.inject({ method: "POST", url: reportPath, payload: { ...report, ...more } });
  expect((await send({ load })).json()).toEqual({ accepted: true });
  expect((await send({ load, breakers: [breaker] })).json()).toEqual({ accepted: true, successThresholds: { payments: 4 } });
  expect(taken).toMatchObject([{ load }, { load, breakers: [breaker] }]);
  for (const wrong of [{ load: { ...load, latency: 33 } }, { load: { latency: 1 } }, { breakers: new Array(51).fill(breaker) }])
    expect((await send(wrong)).statusCode, JSON.stringify(wrong).slice(0, 60)).toBe(400);
  expect((await send({ breakers: [{ ...breaker, state: "closed" }] })).statusCode).toBe(400);
  expect(taken).toHaveLength(2);
});

test("a report carries the health of its service, and nothing beside that", async () => {
  const health = { level: "DEGRADED", message: "answered 500", consecutiveFailures: 1, responseTimeMs: 3, uptime: { "1h": 99.5 } };
  const payload = { ...report, health: { ...health, history: [1, 2, 3] } };
  expect((await app.inject({ method: "POST", url: reportPath, payload })).statusCode).toBe(202);
  expect(reports.of("n1/o1")?.report).toEqual({ ...report, health });
});

test("a report is kept under its instance", async () => {
  const answer = await app.inject({ method: "POST", url: reportPath, payload: report });
  expect(answer.statusCode).toBe(202);
  expect(reports.of("n1/o1")?.report).toEqual(report);
});

test.each([
  ["leaving", leavingPath],
  ["arriving", arrivingPath],
])("a notice of %s is answered with what became of it", async (direction, url) => {
  const payload = { node: "n1", id: "o1", service: "orders", limitMs: 500, relayed: true };
  const answer = await app.inject({ method: "POST", url, payload });
  expect(answer.json()).toMatchObject({ accepted: true, subscribers: 3, laggards: ["n1/web-1"], replicas: 2 });
  expect(notices).toEqual([[direction, payload]]);
});

test("a question about TLS comes on the path of arriving, and is carried out as one", async () => {
  const payload = { node: "n1", id: "o1", service: "orders", tls: true };
  expect((await app.inject({ method: "POST", url: arrivingPath, payload })).statusCode).toBe(200);
  expect(notices).toEqual([["tls", payload]]);
});

test("a notice that a later one has overtaken is answered with 409, another failure with 500", async () => {
  const payload = { node: "n1", id: "o1", service: "orders" };
  fail = new LegationError(superseded, "a later notice says that n1/o1 is arriving");
  const answer = await app.inject({ method: "POST", url: leavingPath, payload });
  expect(answer.statusCode).toBe(409);
  expect(answer.json()).toMatchObject({ code: superseded, detail: "a later notice says that n1/o1 is arriving" });
  fail = new Error("broken");
  expect((await app.inject({ method: "POST", url: leavingPath, payload })).statusCode).toBe(500);
});

test.each([
  ["no body", reportPath, undefined],
  ["a health that does not exist", reportPath, { ...report, health: { level: "FINE", message: "", consecutiveFailures: 0, uptime: {} } }],
  [
    "more uptime than there is",
    reportPath,
    { ...report, health: { level: "HEALTHY", message: "", consecutiveFailures: 0, uptime: { "1h": 101 } } },
  ],
  ["a state that does not exist", reportPath, { ...report, state: "merry" }],
  ["an id that is too long", leavingPath, { node: "n1", id: "x".repeat(300), service: "orders" }],
  ["a limit beyond the largest", arrivingPath, { node: "n1", id: "o1", service: "orders", limitMs: 3_600_000 }],
  ["a missing service", leavingPath, { node: "n1", id: "o1" }],
])("%s is refused with a problem that says what is wrong", async (_what, url, payload) => {
  const answer = await app.inject({
    method: "POST",
    url,
    headers: { "content-type": "application/json" },
    payload: JSON.stringify(payload),
  });
  expect(answer.statusCode).toBe(400);
  expect(answer.headers["content-type"]).toContain("application/problem+json");
  expect(answer.json()).toMatchObject({ status: 400, code: "api.bad-request", detail: expect.any(String) });
  expect(notices).toEqual([]);
  expect(reports.size).toBe(0);
});

/** An open command stream, with the text that came so far. */
async function listen(service = ""): Promise<{ text(): string; ended: Promise<unknown>; stop(): void }> {
  const stopping = new AbortController();
  const address = app.server.listening ? `http://127.0.0.1:${port()}` : await app.listen({ host: "127.0.0.1", port: 0 });
  const response = await fetch(`${address}${commandsPath}?node=n1&id=o1${service}`, { signal: stopping.signal });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  const read = async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  };
  return { text: () => text, ended: read().catch(() => undefined), stop: () => stopping.abort() };
}

function port(): number {
  const address = app.server.address();
  return typeof address === "object" && address ? address.port : 0;
}

test("a command reaches the agent that listens, and idle streams carry a sign of life", async () => {
  const stream = await listen();
  expect(commands.send("n1/o1", { replica: "r1", id: "c1", kind: "restart", force: true })).toBe(true);
  expect(commands.send("n1/o2", { replica: "r1", id: "c2", kind: "drain" })).toBe(false);
  await clock.advance(commandHeartbeat);
  const expected = ': open\n\nid: c1\nevent: command\ndata: {"replica":"r1","id":"c1","kind":"restart","force":true}\n\n: still here\n\n';
  await expect.poll(stream.text).toBe(expected);
  stream.stop();
  await expect.poll(() => [...commands.instances()]).toEqual([]);
  expect(clock.pending).toBe(0);
});

test("an agent is told the mode of its service when it is known, and at each change", async () => {
  const stream = await listen("&service=orders");
  const order = (word: string) => `event: identity\ndata: {"kind":"identity","mode":"${word}"}\n\n`;
  await expect.poll(stream.text).toBe(": open\n\n");
  for (const word of ["permissive", "permissive", "strict"] as const) {
    mode = word;
    orders.changed();
  }
  await expect.poll(stream.text).toBe(`: open\n\n${order("permissive")}${order("strict")}`);
  const later = await listen("&service=orders");
  await expect.poll(later.text).toBe(`: open\n\n${order("strict")}`);
  await stream.ended;
  later.stop();
});

test("a newer stream of the same instance ends the older one and gets the commands", async () => {
  const first = await listen();
  const second = await listen();
  await first.ended;
  commands.send("n1/o1", { replica: "r1", id: "c1", kind: "check-now" });
  await expect.poll(second.text).toContain("check-now");
  expect(first.text()).not.toContain("check-now");
  commands.close();
  await second.ended;
});

test("an agent that reads nothing is let go instead of piling up what it is sent", async () => {
  const stream = await listen();
  const socket = connect(port(), "127.0.0.1");
  socket.write(`GET ${commandsPath}?node=n1&id=frozen HTTP/1.1\r\nhost: x\r\n\r\n`);
  socket.pause();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await expect.poll(() => [...commands.instances()]).toContain("n1/frozen");
  for (let i = 0; i < 200; i++) commands.send("n1/frozen", { replica: "r1", id: "x".repeat(100_000), kind: "drain" });
  await clock.advance(commandHeartbeat);
  await expect.poll(() => [...commands.instances()]).toEqual(["n1/o1"]);
  socket.resume();
  await closed;
  stream.stop();
});

test("a HEAD does not take the place of the agent's stream, and a notice brings nothing but what it is", async () => {
  const stream = await listen();
  expect((await app.inject({ method: "HEAD", url: `${commandsPath}?node=n1&id=o1` })).statusCode).toBe(405);
  expect(commands.send("n1/o1", { replica: "r1", id: "c1", kind: "drain" })).toBe(true);
  await expect.poll(stream.text).toContain("c1");
  await app.inject({ method: "POST", url: leavingPath, payload: { node: "n1", id: "o1", service: "orders", event: "forged", level: 60 } });
  expect(notices).toEqual([["leaving", { node: "n1", id: "o1", service: "orders" }]]);
  stream.stop();
});
