import { arrivingPath, commandsPath, leavingPath, reportPath, spiffeId } from "@legation/contract";
import { createLogger, Registry } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import fastify, { type FastifyInstance, type InjectOptions } from "fastify";
import { describe, expect, test } from "vitest";
import type { HealthView } from "../api/health.js";
import { createSecureServer } from "../api/secure-server.js";
import { createApi } from "../api/server.js";
import { createCommandDirectory } from "../channel/commands.js";
import { createIdentityOrders } from "../channel/identity-orders.js";
import { createReports } from "../channel/reports.js";
import { createTestPolicies } from "../policies/testing/policy-parts.js";
import { createChanges } from "../reconcile/changes.js";
import { createFakeAcl, type TokenTable } from "../testing/access.js";
import { serviceOf } from "../testing/catalog.js";
import type { AclMode } from "./acl-mode.js";
import type { AuditRecord } from "./audit.js";
import { createDecisions, freshMs, graceMs } from "./decisions.js";
import { deniedRate } from "./denials.js";
import { createSecurityEvents } from "./events.js";
import { rateLimitsOf, windowMs } from "./limits.js";
import { demandRights } from "./right.js";

const tokens: TokenTable = {
  none: [],
  reader: ["service:read:orders", "service:read:web"],
  owner: ["service:read:orders", "service:write:orders"],
  operator: ["key:read:legation/mesh", "service:read:*"],
  plane: ["service:write:legation-control-plane"],
};

async function setUp(o: { mode?: AclMode; service?: string; metricsOpen?: boolean; rateLimit?: number } = {}) {
  const clock = createTestClock();
  const log = createLogger({ name: "t", level: "fatal", destination: { write: () => undefined } });
  const registry = [serviceOf("orders", "o1"), serviceOf("secret", "s1"), serviceOf("web", "w1")];
  const services = { services: () => registry, service: (name: string) => registry.find((s) => s.name === name) };
  const changes = createChanges(clock);
  for (const service of ["orders", "secret", "web"]) changes.add({ event: "service-added", service });
  changes.add({ event: "registry-complete" });
  const acl = createFakeAcl(tokens);
  const audited: AuditRecord[] = [];
  const events = createSecurityEvents({ log, metrics: new Registry(), clock });
  const released: string[] = [];
  let mode: AclMode = o.mode ?? "on";
  const app = await createApi({
    server: createSecureServer({ events, clock }),
    peers: { certificate: () => undefined, events },
    health: () => ({ status: "ok", problems: [{ code: "service-name", service: "secret", message: "odd" }] }) as unknown as HealthView,
    services: { ...services, problems: () => [], report: () => undefined },
    proxies: { streams: () => [], node: () => undefined, resourcesSent: () => 0 },
    changes,
    securityEvents: events,
    audit: { record: (record) => audited.push(record), list: () => [], stop: async () => undefined },
    access: {
      mode: {
        current: async () => mode,
        get known() {
          return mode;
        },
        disabled() {
          mode = "off";
        },
      },
      decisions: createDecisions({ acl, clock }),
      ownerOf: (instance) => registry.find(({ instances }) => instances.some(({ node, id }) => `${node}/${id}` === instance))?.name,
    },
    rateLimit: o.rateLimit ?? 200,
    metricsOpen: o.metricsOpen ?? false,
    metrics: async () => "up 1\n",
    reports: createReports(clock),
    commands: createCommandDirectory(),
    orders: createIdentityOrders(() => "off"),
    serves: ({ id }) => id === "o1",
    routing: async () => ({ accepted: true, subscribers: 0, laggards: [], replicas: 1, silent: [], replica: "r" }),
    release: (service) => released.push(service),
    policies: createTestPolicies(),
    intentions: { ...services, intentions: () => undefined, identity: () => undefined },
    clock,
    log,
  });
  const { service } = o;
  if (service !== undefined)
    app.addHook("onRequest", async (request) => {
      const identity = { trustDomain: "td", namespace: "default", datacenter: "dc1", service };
      request.peer = { address: "127.0.0.1", loopback: true, tls: true, service: identity, spiffeId: spiffeId(identity) };
    });
  const ask = async (url: string, token?: string, more: InjectOptions = {}) => {
    const headers = token === undefined ? {} : { "x-consul-token": token };
    const reply = await app.inject({ url, ...more, headers: { ...headers, ...more.headers } });
    return { status: reply.statusCode, headers: reply.headers, body: reply.body.startsWith("{") ? reply.json() : reply.body };
  };
  const notice = (service: string, id: string, more = {}): InjectOptions => ({
    method: "POST",
    payload: { node: serviceOf(service, id).instances[0]?.node ?? "", id, service, ...more },
  });
  return { app, ask, notice, clock, acl, audited, events, released };
}

/** Every route as the server itself prints it: a tree, whose branches are parts of paths. */
function routesOf(app: FastifyInstance): string[] {
  const parts: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split("\n")
    .flatMap((line) => {
      const [, indent = "", part = "", methods = ""] = /^((?:│ {3}| {4})*)[├└]── (\S*)(?: \((.*)\))?$/.exec(line) ?? [];
      parts.splice(indent.length / 4, parts.length, part);
      const named = methods.split(", ").filter((method) => method !== "" && method !== "HEAD");
      return named.map((method) => `${method} ${parts.join("")}`);
    });
}

describe("with ACLs", () => {
  test("every route but /health asks for a token, says how to give one, and nothing is done without", async () => {
    const { app, ask, released, audited } = await setUp();
    const bodies: Readonly<Record<string, object>> = {
      [reportPath]: { node: "n", id: "o1", service: "orders", agentVersion: "1", state: "running", restartCount: 0, admin: "a" },
      [leavingPath]: { node: "n", id: "o1", service: "orders" },
      [arrivingPath]: { node: "n", id: "o1", service: "orders" },
      "/v1/policies/apply": { documents: [{ kind: "Identity", name: "mesh" }] },
      "/v1/policies/rollback": { to: "1" },
      "/v1/policies/live": { bundle: "0".repeat(64) },
      "/v1/policies/proposals/:id/signatures": { key: "ann", signature: "x" },
    };
    const queries: Readonly<Record<string, string>> = {
      [commandsPath]: "?node=n&id=o1&service=orders",
      "/v1/policies/diff": "?from=1",
    };
    const all = routesOf(app).filter((route) => route !== "GET /health");
    expect(all.length).toBeGreaterThanOrEqual(11);
    for (const route of all) {
      const [method, path = ""] = route.split(" ");
      const concrete = path.replace(":name", "orders").replace(":id", "0".repeat(64));
      const { status, body, headers } = await ask(concrete + (queries[path] ?? ""), undefined, {
        method: method as "GET",
        ...(bodies[path] ? { payload: bodies[path] } : {}),
      });
      expect([route, status, body.code]).toEqual([route, 401, "access.token-missing"]);
      expect(body.detail).toContain("X-Consul-Token");
      expect(headers["www-authenticate"]).toContain("Bearer");
    }
    expect(released).toEqual([]);
    expect(audited.every(({ kind, outcome }) => kind === "refusal" && outcome === "refused")).toBe(true);
    expect(audited).toHaveLength(all.length);
  });

  test("a route that states no right cannot be added", () => {
    const app = fastify();
    demandRights(app);
    expect(() => app.get("/v1/forgotten", () => "x")).toThrow("GET /v1/forgotten states no right");
  });

  test.each([
    ["GET", "/services/orders", "reader", 200, undefined],
    ["GET", "/services/secret", "reader", 403, 'service "secret" { policy = "read" }'],
    ["GET", "/services/unheard-of", "reader", 403, 'service "unheard-of" { policy = "read" }'],
    ["GET", "/services/unheard-of", "operator", 404, undefined],
    ["POST", "/v1/services/orders/release", "owner", 202, undefined],
    ["POST", "/v1/services/orders/release", "reader", 403, 'service "orders" { policy = "write" }'],
    ["GET", "/metrics", "operator", 200, undefined],
    ["GET", "/metrics", "reader", 403, 'key "legation/mesh" { policy = "read" }'],
    ["GET", "/v1/audit", "reader", 403, 'key "legation/mesh" { policy = "read" }'],
    ["GET", "/v1/security-events", "operator", 200, undefined],
    ["GET", "/services", "made-up", 401, undefined],
  ] as const)("%s %s by %s: %i", async (method, url, token, status, missing) => {
    const { ask } = await setUp();
    const reply = await ask(url, token, { method });
    expect(reply.status).toBe(status);
    if (missing) expect(reply.body).toMatchObject({ code: "access.denied", missing, detail: expect.stringContaining(`accessor-${token}`) });
  });

  test("a token comes as X-Consul-Token or as Bearer; what can be none is refused without asking Consul", async () => {
    const { ask, acl } = await setUp();
    expect((await ask("/services/orders", undefined, { headers: { authorization: "Bearer owner" } })).status).toBe(200);
    const asked = acl.questions;
    for (const authorization of ["Basic b3duZXI6", "Bearer", `Bearer ${"x".repeat(300)}`, "Bearer a b"])
      expect((await ask("/services/orders", undefined, { headers: { authorization } })).status).toBe(401);
    expect(acl.questions).toBe(asked);
  });

  test("lists hold what the caller may read", async () => {
    const { ask } = await setUp();
    const names = async (token: string) => Object.keys((await ask("/services", token)).body.services);
    expect(await names("reader")).toEqual(["orders", "web"]);
    expect(await names("operator")).toEqual(["orders", "secret", "web"]);
    expect(await names("none")).toEqual([]);
    const { body } = await ask("/v1/changes", "reader");
    const services = ({ changes }: { changes: { service?: string }[] }) => changes.map(({ service }) => service);
    expect(services(body)).toEqual(["orders", "web"]);
    expect(services((await ask("/v1/changes", "operator")).body)).toEqual(["orders", "secret", "web", undefined]);
  });

  test("health answers everybody, and names services to who may read the mesh alone", async () => {
    const { ask } = await setUp();
    expect((await ask("/health")).body).toMatchObject({ status: "ok", problems: [] });
    expect((await ask("/health", "reader")).body.problems).toEqual([]);
    expect((await ask("/health", "operator")).body.problems).toHaveLength(1);
  });

  test("the figures are open where that was asked for", async () => {
    const { ask } = await setUp({ metricsOpen: true });
    expect(await ask("/metrics")).toMatchObject({ status: 200, body: "up 1\n" });
  });
});

describe("an agent's channel", () => {
  test("takes a token that may write the service, for that service's instances alone", async () => {
    const { ask, notice, events } = await setUp();
    expect((await ask(leavingPath, "owner", notice("orders", "o1"))).status).toBe(200);
    expect((await ask(leavingPath, "owner", notice("orders", "o-new"))).status).toBe(200);
    expect(await ask(leavingPath, "owner", notice("web", "w1"))).toMatchObject({
      status: 403,
      body: { missing: 'service "web" { policy = "write" }' },
    });
    const stolen = await ask(leavingPath, "owner", {
      method: "POST",
      payload: { ...(notice("web", "w1").payload as object), service: "orders" },
    });
    expect(stolen).toMatchObject({ status: 403, body: { code: "access.claim-refused" } });
    expect(events.list()).toMatchObject([{ kind: "claim-refused", subject: "accessor-owner" }]);
  });

  test("takes the certificate of the service, also while Consul is away", async () => {
    const { ask, notice, acl, audited } = await setUp({ service: "orders" });
    acl.answers = false;
    expect((await ask(leavingPath, undefined, notice("orders", "o1"))).status).toBe(200);
    expect(audited).toMatchObject([
      { kind: "change", outcome: "done", caller: { kind: "service", spiffeId: "spiffe://td/ns/default/dc/dc1/svc/orders" } },
    ]);
    acl.answers = true;
    await new Promise((resolve) => setImmediate(resolve));
    expect((await ask(leavingPath, undefined, notice("web", "w1"))).status).toBe(401);
    expect((await ask("/services/orders")).status).toBe(401);
  });

  test("takes what another control plane passes on", async () => {
    const { ask, notice } = await setUp();
    expect((await ask(leavingPath, "plane", notice("orders", "o1", { relayed: true }))).status).toBe(200);
    expect((await ask(leavingPath, "plane", notice("orders", "o1"))).status).toBe(403);
    expect(await ask(leavingPath, "owner", notice("orders", "o1", { relayed: true }))).toMatchObject({
      status: 403,
      body: { missing: 'service "legation-control-plane" { policy = "write" }' },
    });
    const { ask: certified } = await setUp({ service: "orders" });
    expect((await certified(leavingPath, undefined, notice("orders", "o1", { relayed: true }))).status).toBe(401);
  });

  test("audits each notice that is news, whatever it says of itself", async () => {
    const { ask, notice, audited } = await setUp();
    for (const id of ["o1", "o2"]) expect((await ask(leavingPath, "owner", notice("orders", id, { again: true }))).status).toBe(200);
    expect(audited).toMatchObject([{ kind: "change", action: `POST ${leavingPath}` }]);
  });
});

describe("while Consul is away", () => {
  test("what was decided shortly before counts for reading and agents, never for changes, and not for ever", async () => {
    const { ask, notice, acl, clock } = await setUp();
    const release: InjectOptions = { method: "POST" };
    const all = async () => [
      (await ask("/services/orders", "owner")).status,
      (await ask(leavingPath, "owner", notice("orders", "o1"))).status,
      (await ask("/v1/services/orders/release", "owner", release)).status,
    ];
    expect(await all()).toEqual([200, 200, 202]);
    acl.answers = false;
    await clock.advance(freshMs);
    expect(await all()).toEqual([200, 200, 503]);
    expect((await ask("/services/web", "reader")).body).toMatchObject({
      code: "access.undecided",
      detail: expect.stringContaining("connection refused"),
    });
    await clock.advance(graceMs);
    expect(await all()).toEqual([503, 503, 503]);
    expect((await ask("/health")).status).toBe(200);
  });

  test("nothing is open only because nobody knows whether Consul uses ACLs", async () => {
    const { ask } = await setUp({ mode: "unknown" });
    expect((await ask("/services")).status).toBe(503);
    expect((await ask("/health")).status).toBe(200);
  });
});

test("without ACLs everything is as open as Consul, and changes are audited", async () => {
  const { ask, audited } = await setUp({ mode: "off" });
  expect(Object.keys((await ask("/services")).body.services)).toHaveLength(3);
  expect((await ask("/v1/services/orders/release", undefined, { method: "POST" })).status).toBe(202);
  expect(audited).toMatchObject([
    {
      kind: "change",
      action: "POST /v1/services/:name/release",
      target: ['service "orders" { policy = "write" }'],
      caller: { kind: "open" },
    },
  ]);
});

test("the audit has who, what, on what and the outcome, and no secret", async () => {
  const { ask, audited } = await setUp();
  await ask("/v1/services/orders/release", "owner", { method: "POST" });
  await ask("/v1/services/orders/release", "reader", { method: "POST" });
  await ask("/services/orders", "owner");
  expect(audited).toMatchObject([
    { kind: "change", outcome: "done", status: 202, caller: { accessor: "accessor-owner", name: "the token owner", address: "127.0.0.1" } },
    { kind: "refusal", outcome: "refused", status: 403, caller: { accessor: "accessor-reader" }, detail: { code: "access.denied" } },
  ]);
});

describe("rates", () => {
  test("a client that asks too often is told when to come again, and no other suffers", async () => {
    const { ask, notice, clock } = await setUp({ rateLimit: 1 });
    const { client } = rateLimitsOf(1);
    for (let i = 0; i < client; i++) expect((await ask("/services", "reader")).status).toBe(200);
    const refused = await ask("/services", "reader");
    expect(refused).toMatchObject({ status: 429, body: { code: "access.too-many" } });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask("/services", "operator")).status).toBe(200);
    expect((await ask(leavingPath, "owner", notice("orders", "o1"))).status).toBe(200);
    await clock.advance(windowMs);
    expect((await ask("/services", "reader")).status).toBe(200);
  });

  test("made-up tokens soon cost Consul nothing, lock out no token that is known, and are a security event", async () => {
    const { ask, acl, events } = await setUp({ rateLimit: 5 });
    await ask("/services", "reader");
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) seen.add((await ask("/services", `made-up-${i}`)).status);
    expect([...seen]).toEqual([401, 429]);
    expect(acl.questions).toBeLessThan(rateLimitsOf(5).refused + 10);
    expect((await ask("/services", "reader")).status).toBe(200);
    expect(events.list()).toMatchObject([{ kind: "calls-denied", count: 100 - deniedRate.refusals + 1 }]);
  });

  test("whoever asks about very much costs Consul little, and keeps little of this memory", async () => {
    const { ask, acl, audited } = await setUp({ rateLimit: 5 });
    const { client, refused } = rateLimitsOf(5);
    const apply = (token: string | undefined, documents: object[]) =>
      ask("/v1/policies/apply", token, { method: "POST", payload: { documents } });
    await ask("/services", "none");
    const many = (of: string) => Array.from({ length: 1_000 }, (_, i) => ({ kind: "Identity", name: `${of}-${i}` }));
    for (const [token, most, first] of [
      [undefined, refused, 401],
      ["none", client, 403],
    ] as const) {
      const before = acl.questions;
      const statuses = new Set<number>();
      for (let i = 0; i < most + 20; i++) statuses.add((await apply(token, many(`${token}-${i}`))).status);
      expect([...statuses]).toEqual([first, 429]);
      expect(acl.questions - before).toBeLessThanOrEqual(most);
    }
    expect(Math.max(...audited.map(({ target }) => target.length))).toBe(21);
    const long = "x".repeat(100_000);
    await ask("/v1/policies/apply", "operator", { method: "POST", payload: { documents: [{ kind: "Identity", name: long }] } });
    expect(JSON.stringify(audited)).not.toContain("xxx");
  });
});
