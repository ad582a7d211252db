import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, LegationError, Registry } from "@legation/runtime";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { AgentStatus } from "../status.js";
import { createTelemetry } from "../telemetry.js";
import { parseAdminAddress } from "./address.js";
import { accessOf } from "./contact.js";
import { bookEvents } from "./event-book.js";
import type { AdminParts } from "./routes.js";
import { createAdminApp, startAdminServer } from "./server.js";

const noBreakers: AgentStatus["breakers"] = [];
const status = {
  service: "orders",
  state: "running",
  reason: "fine",
  serving: true,
  restartCount: 2,
  health: { level: "DEGRADED", message: "GET x answered 500" },
  identity: { phase: "off", reason: "Connect is off in Consul", renewals: 0, failures: 0 },
  consul: { registered: true, lastHeartbeat: "1970-01-01T00:00:07.000Z" },
  controlPlane: { listening: true },
  breakers: noBreakers,
} as AgentStatus;
const asked: string[] = [];
const metrics = new Registry();
createTelemetry(metrics, { name: "orders", heartbeat: 5_000 }, () => status).transition("running");
const drained = { steps: [{ step: "1", action: "a", outcome: "o", ms: 3 }], already: false };
const { log, book } = bookEvents(createLogger({ name: "test", level: "silent" }), () => 0);
const parts = (over: Partial<AdminParts> = {}): AdminParts => ({
  status: () => status,
  ready: () => ({ ready: false, reason: "the callers' proxies have not acknowledged the instance yet" }),
  config: () => "name: orders # --name\n",
  drain: async () => drained,
  undrain: async () => {
    asked.push("undrain");
    return "acknowledged";
  },
  restart: (force) => {
    asked.push(`restart ${force}`);
    return force ? { done: Promise.resolve("restarted") } : { problem: "the restart limit is used up" };
  },
  maintain: async (reason) => {
    asked.push(`maintain ${reason}`);
    return drained;
  },
  endMaintenance: async () => "acknowledged",
  reload: () => ({ ok: true, changes: { now: ["tags"], service: [], agent: [] } }),
  checkNow: async () => ({
    success: true,
    timestamp: "2024-01-01T00:00:00.000Z",
    level: "HEALTHY",
    results: [{ check: "http", level: "HEALTHY", outcome: "pass", message: "passes", at: "2024-01-01T00:00:00.000Z", responseTimeMs: 2 }],
  }),
  metrics,
  events: book,
  ...over,
});
const access = { token: "secret", tokenFile: "/var/lib/orders/admin.json" };
const headers = { authorization: "Bearer secret" };
const server = createAdminApp(parts(), access);
afterAll(() => server.close());

const get = (url: string) => server.inject({ url, headers });
const post = (url: string, payload?: object, to = server) => to.inject({ method: "POST", url, headers, ...(payload ? { payload } : {}) });

describe("the agent's API", () => {
  it("says whether the agent lives, whether the instance serves, and whether the callers have it", async () => {
    expect((await get("/v1/live")).statusCode).toBe(200);
    expect((await get("/v1/health")).json()).toEqual({
      ...{ status: "ok", state: "running", reason: "fine" },
      ...{ health: "DEGRADED", message: "GET x answered 500" },
    });
    const ready = await get("/v1/ready");
    expect([ready.statusCode, ready.json().reason]).toEqual([503, "the callers' proxies have not acknowledged the instance yet"]);
    const idle = createAdminApp(
      parts({ status: () => ({ ...status, serving: false }), ready: () => ({ ready: true, reason: "" }) }),
      access,
    );
    expect((await idle.inject("/v1/health")).statusCode).toBe(503);
    expect((await idle.inject("/v1/ready")).statusCode).toBe(200);
    await idle.close();
  });

  it("shows status, configuration and figures, with the version in the path or without", async () => {
    for (const prefix of ["", "/v1"]) {
      expect((await get(`${prefix}/status`)).json()).toMatchObject({ service: "orders", restartCount: 2 });
      expect((await get(`${prefix}/config`)).body).toContain("# --name");
    }
    const figures = (await get("/v1/metrics")).body;
    expect(figures).toContain('legation_agent_transitions_total{service="orders",to="running"} 1');
    expect(figures).toContain('legation_agent_state{service="orders",state="running"} 1');
    expect(figures).toContain('legation_service_health{service="orders"} 0.5');
    expect(figures).toContain('legation_agent_restarts_total{service="orders"} 2');
    expect(figures).toContain('legation_agent_last_heartbeat_timestamp_seconds{service="orders"} 7');
    expect(figures).toMatch(/process_resident_memory_bytes \d+/);
  });

  it("drains, undrains, checks, and restarts or says why not", async () => {
    expect((await post("/v1/drain")).json()).toEqual({ success: true, state: "running", ...drained });
    expect((await post("/v1/undrain")).json()).toMatchObject({ success: true, message: "acknowledged" });
    expect((await post("/v1/check-now")).json()).toMatchObject({ success: true, results: [{ outcome: "pass" }] });
    const refused = await post("/v1/restart");
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toEqual({
      ...{ success: false, code: "restart.refused", service: "orders", status: "running", restart_count: 2 },
      message: "the restart limit is used up",
    });
    expect((await post("/v1/restart", { force: true })).statusCode).toBe(202);
    const waited = await post("/v1/restart", { force: true, wait: true });
    expect([waited.statusCode, waited.json().message]).toEqual([200, "restarted"]);
    expect(asked.splice(0)).toEqual(["undrain", "restart false", "restart true", "restart true"]);
  });

  it("answers at once where nobody wants to wait", async () => {
    const busy = createAdminApp(parts({ drain: () => new Promise(() => {}) }), access);
    const answer = await post("/v1/drain", { wait: false }, busy);
    expect([answer.statusCode, answer.json().message]).toEqual([202, "the drain is under way"]);
    await busy.close();
  });

  it("puts into maintenance with a reason, and refuses to undrain then", async () => {
    expect((await post("/v1/maintenance", { enabled: true, reason: "new disk" })).json()).toMatchObject({ maintenance: "new disk" });
    expect((await post("/v1/maintenance", { enabled: false })).json()).toMatchObject({
      success: true,
      already: true,
      message: "acknowledged",
    });
    expect(asked.splice(0)).toEqual(["maintain new disk"]);
    const undrain = () => Promise.reject(new LegationError("traffic.maintenance", "an operator holds the instance"));
    const inIt = createAdminApp(parts({ status: () => ({ ...status, maintenance: "new disk" }) }), access);
    expect((await post("/v1/maintenance", { enabled: false }, inIt)).json()).toMatchObject({ success: true, already: false });
    await inIt.close();
    const held = createAdminApp(parts({ undrain, status: () => ({ ...status, maintenance: "new disk" }) }), access);
    const refused = await post("/v1/undrain", { wait: false }, held);
    expect([refused.statusCode, refused.json()]).toEqual([
      409,
      { success: false, code: "traffic.maintenance", message: "an operator holds the instance" },
    ]);
    await held.close();
  });

  it.each([
    ["/v1/maintenance", { enabled: "yes" }, 400, /enabled/],
    ["/v1/maintenance", undefined, 400, /enabled/],
    ["/v1/drain", { wait: "long" }, 400, /wait/],
    ["/v1/drian", undefined, 404, /POST \/v1\/drian is not there.*\/undrain/],
  ])("says what is wrong with %s and %j", async (url, payload, code, message) => {
    const answer = await post(url, payload);
    expect(answer.statusCode).toBe(code);
    expect(answer.json()).toMatchObject({ success: false, message: expect.stringMatching(message) });
  });

  it("asks for the token where something is changed or revealed, and says where it is", async () => {
    for (const url of ["/v1/live", "/v1/ready", "/v1/health", "/v1/metrics", "/live", "/metrics"])
      expect((await server.inject(url)).statusCode, url).not.toBe(401);
    for (const url of ["/v1/status", "/v1/config", "/v1/events", "/status", "/nothing"])
      expect((await server.inject(url)).statusCode, url).toBe(401);
    for (const authorization of ["Bearer wrong!", "secret", "Bearer secret2"])
      expect((await server.inject({ method: "POST", url: "/v1/drain", headers: { authorization } })).statusCode).toBe(401);
    expect((await server.inject("/v1/status")).json().message).toContain("/var/lib/orders/admin.json");
  });

  it("is not for web pages, nor for names that resolve to loopback", async () => {
    expect(
      (await server.inject({ method: "POST", url: "/v1/drain", headers: { ...headers, origin: "http://evil.example" } })).statusCode,
    ).toBe(403);
    expect((await server.inject({ url: "/v1/live", headers: { host: "evil.example:19100" } })).statusCode).toBe(403);
    expect((await server.inject({ url: "/v1/status", headers: { ...headers, host: "[::1]:19100" } })).statusCode).toBe(200);
  });
});

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("where it listens", () => {
  it("names the flag when its port is taken", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => taken.listen(0, "127.0.0.1", () => resolve((taken.address() as AddressInfo).port)));
    await expect(startAdminServer(`127.0.0.1:${port}`, parts(), access)).rejects.toThrow(
      new RegExp(`port ${port} is in use .*--admin-addr`),
    );
    await new Promise((resolve) => taken.close(resolve));
    const listening = await startAdminServer(`127.0.0.1:${port}`, parts(), access);
    await listening.close();
  });

  it("needs no token on a Unix socket that its user alone can open, and takes the place of one that was left", async () => {
    const directory = mkdtempSync(join(tmpdir(), "legation-admin-"));
    ends.push(() => rmSync(directory, { recursive: true, force: true }));
    const path = join(directory, "api.sock");
    const open = accessOf({ address: `unix:${path}`, token: "secret" }, directory);
    const first = await startAdminServer(`unix:${path}`, parts(), open);
    ends.push(() => first.close());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const code = await new Promise((resolve, reject) =>
      request({ socketPath: path, path: "/v1/status" }, (answer) => resolve(answer.resume().statusCode))
        .once("error", reject)
        .end(),
    );
    expect(code).toBe(200);
    await expect(startAdminServer(`unix:${path}`, parts(), open)).rejects.toThrow(/another process listens there.*--admin-addr/);
    const other = join(directory, "file");
    writeFileSync(other, "");
    await expect(startAdminServer(`unix:${other}`, parts(), open)).rejects.toThrow(/there is a file of that name/);
  });

  it.each([
    ["127.0.0.1:0", undefined],
    ["unix:/run/orders.sock", undefined],
    ["10.0.0.1:80", /must be on loopback/],
    ["unix:orders.sock", /unix:\/path/],
    [`unix:/${"x".repeat(107)}`, /107 bytes/],
    ["orders", /127\.0\.0\.1:19100/],
  ])("takes %s or says what to write", (address, problem) => {
    const parsed = parseAdminAddress(address);
    if (problem) expect(parsed).toEqual({ problem: expect.stringMatching(problem) });
    else expect(parsed).toEqual({ value: address });
  });
});

describe("the events", () => {
  it("are the last ones, and each new one while somebody follows", async () => {
    const events = createAdminApp(parts(), access);
    ends.push(() => events.close());
    log.info({ event: "service.running", from: "starting" }, "starting → running");
    log.info({ event: "service.output", line: "hello" }, "hello");
    const listed = (await events.inject({ url: "/v1/events", headers })).json().events;
    expect(listed.at(-1)).toMatchObject({ event: "service.running", message: "starting → running", from: "starting", level: "info" });
    await events.listen({ host: "127.0.0.1", port: 0 });
    const url = `http://127.0.0.1:${(events.server.address() as AddressInfo).port}/v1/events?after=${listed.at(-1).sequence}`;
    const stopping = new AbortController();
    const stream = await fetch(url, { headers: { ...headers, accept: "text/event-stream" }, signal: stopping.signal });
    const reader = (stream.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? "";
    log.warn({ event: "leave.step", step: "2" }, "late");
    while (!text.includes("leave.step")) text += (await reader.read()).value ?? "";
    expect(text).toMatch(/^: open\n\nid: \d+\nevent: leave.step\ndata: {"event":"leave.step","step":"2",.*"message":"late"}\n\n$/);
    stopping.abort();
  });
});
