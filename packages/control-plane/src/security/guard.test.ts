import { arrivingPath, commandsPath, controlPlaneService, leavingPath, reportPath, resultPath } from "@legation/contract";
import fastify, { type InjectOptions } from "fastify";
import { describe, expect, test } from "vitest";
import { listenersPath } from "../agents/agents.js";
import { orderPath } from "../channel/commander.js";
import { checkNowPath } from "../orders/check-now.js";
import { restartsPath } from "../orders/restart.js";
import { proxiesPath } from "../proxies/question.js";
import { reportsPath } from "../status/shared-reports.js";
import { createGuardedApi } from "../testing/guarded-api.js";
import { routesOf } from "../testing/routes.js";
import { factsPath } from "../why-not/local-facts.js";
import { freshMs, graceMs } from "./decisions.js";
import { demandRights } from "./right.js";

describe("with ACLs", () => {
  test("every route but those that are open asks for a token, says how to give one, and nothing is done without", async () => {
    const { app, ask, released, audited } = await createGuardedApi();
    const bodies: Readonly<Record<string, object>> = {
      [reportPath]: { node: "n", id: "o1", service: "orders", agentVersion: "1", state: "running", restartCount: 0, admin: "a" },
      [leavingPath]: { node: "n", id: "o1", service: "orders" },
      [arrivingPath]: { node: "n", id: "o1", service: "orders" },
      "/api/policies/apply": { documents: [{ kind: "Identity", name: "mesh" }] },
      "/api/policies/rollback": { to: "1" },
      "/api/policies/live": { bundle: "0".repeat(64) },
      "/api/policies/plan": { documents: [] },
      "/api/policies/check": { documents: [] },
      "/v1/agents/figures": { relayed: true, after: 0 },
      "/v1/agents/health": { relayed: true },
      "/v1/agents/audit": { relayed: true },
      "/v1/agents/quarantined": { relayed: true },
      "/v1/agents/security-events": { relayed: true },
      "/v1/agents/explain/callers": { relayed: true, service: "orders" },
      [listenersPath]: { relayed: true },
      [proxiesPath]: { relayed: true, node: "", service: "", kind: "", versions: false },
      [reportsPath]: { relayed: true, after: 0 },
      [factsPath]: { relayed: true, node: "n", id: "o1", service: "orders" },
      [restartsPath]: { relayed: true },
      [checkNowPath]: { relayed: true, instances: [], limitMs: 1 },
      "/v1/agents/events": { relayed: true, after: 0 },
      "/v1/agents/ledger": { relayed: true, filter: { service: null, kind: null, since: 0, limit: 1 } },
      [resultPath]: { node: "n", id: "o1", service: "orders", command: "c", replica: "r", ok: true, message: "" },
      [orderPath]: { relayed: true, node: "n", id: "o1", service: "orders", command: "c", order: { kind: "status" }, limitMs: 1 },
      "/api/policies/canary/evidence": { bundle: "0".repeat(64) },
      "/api/policies/canary/withdraw": {},
      "/api/policies/documents/:kind/:name": { apiVersion: "legation/v1", kind: "Service", name: "orders" },
      "/api/gateway/routes": {},
      "/api/policies/proposals/:id/signatures": { key: "ann", signature: "x" },
    };
    const queries: Readonly<Record<string, string>> = {
      [commandsPath]: "?node=n&id=o1&service=orders",
      "/api/policies/diff": "?from=1",
      "/api/explain": "?url=http://orders/&from=web",
      "/api/explain/flags": "?flag=UF",
      "/api/intentions/check": "?from=web&to=orders",
    };
    const openRoutes = ["GET /health", "GET /api/openapi.json", "GET /docs", "GET /docs/assets/:file", "GET /docs/errors"];
    const all = routesOf(app).filter((route) => !openRoutes.includes(route));
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
    ["POST", "/api/services/orders/release", "owner", 202, undefined],
    ["POST", "/api/services/orders/release", "reader", 403, 'service "orders" { policy = "write" }'],
    ["GET", "/metrics", "operator", 200, undefined],
    ["GET", "/metrics", "reader", 403, 'key "legation/mesh" { policy = "read" }'],
    ["GET", "/api/audit", "reader", 403, 'key "legation/mesh" { policy = "read" }'],
    ["GET", "/api/security-events", "operator", 200, undefined],
    ["GET", "/services", "made-up", 401, undefined],
  ] as const)("%s %s by %s: %i", async (method, url, token, status, missing) => {
    const { ask } = await createGuardedApi();
    const reply = await ask(url, token, { method });
    expect(reply.status).toBe(status);
    if (missing) expect(reply.body).toMatchObject({ code: "access.denied", missing, detail: expect.stringContaining(`accessor-${token}`) });
  });

  test("a token comes as X-Consul-Token or as Bearer; what can be none is refused without asking Consul", async () => {
    const { ask, acl } = await createGuardedApi();
    expect((await ask("/services/orders", undefined, { headers: { authorization: "Bearer owner" } })).status).toBe(200);
    const asked = acl.questions;
    for (const authorization of ["Basic b3duZXI6", "Bearer", `Bearer ${"x".repeat(300)}`, "Bearer a b"])
      expect((await ask("/services/orders", undefined, { headers: { authorization } })).status).toBe(401);
    expect(acl.questions).toBe(asked);
  });

  test("lists hold what the caller may read", async () => {
    const { ask } = await createGuardedApi();
    const names = async (token: string) => Object.keys((await ask("/services", token)).body.services);
    expect(await names("reader")).toEqual(["orders", "web"]);
    expect(await names("operator")).toEqual(["orders", "secret", "web"]);
    expect(await names("none")).toEqual([]);
    const { body } = await ask("/api/events", "reader");
    const services = ({ events }: { events: { service?: string }[] }) => events.map(({ service }) => service);
    expect(services(body)).toEqual(["orders", "web"]);
    expect(services((await ask("/api/events", "operator")).body)).toEqual(["orders", "secret", "web", undefined]);
  });

  test("health answers everybody, and names services to who may read the mesh alone", async () => {
    const { ask } = await createGuardedApi();
    expect((await ask("/health")).body).toMatchObject({ status: "ok", problems: [] });
    expect((await ask("/health", "reader")).body.problems).toEqual([]);
    expect((await ask("/health", "operator")).body.problems).toHaveLength(1);
  });

  test("the figures are open where that was asked for", async () => {
    const { ask } = await createGuardedApi({ metricsOpen: true });
    expect(await ask("/metrics")).toMatchObject({ status: 200, body: "up 1\n" });
  });
});

test("another control plane asks by its certificate how policies stand here, and may do nothing more", async () => {
  const questions: Readonly<Record<string, object>> = {
    "/api/policies/live": { bundle: "0".repeat(64), relayed: true },
    "/api/policies/canary/evidence": { bundle: "0".repeat(64) },
    "/api/policies/plan": { documents: [], relayed: true },
  };
  const { ask } = await createGuardedApi({ service: controlPlaneService });
  const { ask: askAsOther } = await createGuardedApi({ service: "orders" });
  for (const [url, payload] of Object.entries(questions)) {
    expect([url, (await ask(url, undefined, { method: "POST", payload })).status]).toEqual([url, 200]);
    expect([url, (await askAsOther(url, undefined, { method: "POST", payload })).status]).toEqual([url, 401]);
  }
  for (const url of ["/api/policies/apply", "/api/policies/canary/withdraw", "/api/policies/check"])
    expect([url, (await ask(url, undefined, { method: "POST", payload: {} })).status]).toEqual([url, 401]);
});

describe("an agent's channel", () => {
  test("takes a token that may write the service, for that service's instances alone", async () => {
    const { ask, notice, events } = await createGuardedApi();
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
    const { ask, notice, acl, audited } = await createGuardedApi({ service: "orders" });
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
    const { ask, notice } = await createGuardedApi();
    expect((await ask(leavingPath, "plane", notice("orders", "o1", { relayed: true }))).status).toBe(200);
    expect((await ask(leavingPath, "plane", notice("orders", "o1"))).status).toBe(403);
    expect(await ask(leavingPath, "owner", notice("orders", "o1", { relayed: true }))).toMatchObject({
      status: 403,
      body: { missing: 'service "legation-control-plane" { policy = "write" }' },
    });
    const { ask: certified } = await createGuardedApi({ service: "orders" });
    expect((await certified(leavingPath, undefined, notice("orders", "o1", { relayed: true }))).status).toBe(401);
  });

  test("audits each notice that is news, whatever it says of itself", async () => {
    const { ask, notice, audited } = await createGuardedApi();
    for (const id of ["o1", "o2"]) expect((await ask(leavingPath, "owner", notice("orders", id, { again: true }))).status).toBe(200);
    expect(audited).toMatchObject([{ kind: "change", action: `POST ${leavingPath}` }]);
  });
});

describe("while Consul is away", () => {
  test("what was decided shortly before counts for reading and agents, never for changes, and not for ever", async () => {
    const { ask, notice, acl, clock } = await createGuardedApi();
    const release: InjectOptions = { method: "POST" };
    const all = async () => [
      (await ask("/services/orders", "owner")).status,
      (await ask(leavingPath, "owner", notice("orders", "o1"))).status,
      (await ask("/api/services/orders/release", "owner", release)).status,
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
    const { ask } = await createGuardedApi({ mode: "unknown" });
    expect((await ask("/services")).status).toBe(503);
    expect((await ask("/health")).status).toBe(200);
  });
});

test("without ACLs everything is as open as Consul, and changes are audited", async () => {
  const { ask, audited } = await createGuardedApi({ mode: "off" });
  expect(Object.keys((await ask("/services")).body.services)).toHaveLength(3);
  expect((await ask("/api/services/orders/release", undefined, { method: "POST" })).status).toBe(202);
  expect(audited).toMatchObject([
    {
      kind: "change",
      action: "POST /api/services/:name/release",
      target: ['service "orders" { policy = "write" }'],
      caller: { kind: "open" },
    },
  ]);
});

test("the audit has who, what, on what and the outcome, and no secret", async () => {
  const { ask, audited } = await createGuardedApi();
  await ask("/api/services/orders/release", "owner", { method: "POST" });
  await ask("/api/services/orders/release", "reader", { method: "POST" });
  await ask("/services/orders", "owner");
  expect(audited).toMatchObject([
    { kind: "change", outcome: "done", status: 202, caller: { accessor: "accessor-owner", name: "the token owner", address: "127.0.0.1" } },
    { kind: "refusal", outcome: "refused", status: 403, caller: { accessor: "accessor-reader" }, detail: { code: "access.denied" } },
  ]);
});
