import type { ReportedHealth } from "@legation/contract";
import type { BreakerView, ServiceList, ServiceView } from "@legation/contract/api";
import type { CatalogService } from "@legation/mesh";
import fastify from "fastify";
import { expect, test } from "vitest";
import type { ReceivedReport } from "../channel/reports.js";
import { closedBreaker } from "../figures/breakers.js";
import { withoutAcl } from "../testing/access.js";
import { instance, serviceOf } from "../testing/catalog.js";
import { useProblems } from "./problem.js";
import { addServiceRoutes, viewOf } from "./services.js";

const check = (status: "passing" | "warning" | "critical") => ({ id: "app", name: "app", status, output: "" });
const orders: CatalogService = {
  name: "orders",
  instances: [
    instance("orders", "o1", { tags: ["v1", "eu"], meta: { version: "1.0", protocol: "http2", "legation-dep-0": "payments,cache?" } }),
    instance("orders", "o2", {
      port: 8001,
      share: 5,
      tags: ["v2"],
      checks: [check("critical")],
      mesh: { address: "fd00::1", port: 20_000 },
    }),
    instance("orders", "o3", { port: 8002, checks: [check("critical")], everPassed: false }),
    instance("orders", "o4", { port: 8003, leaving: true }),
  ],
};
const health: ReportedHealth = {
  level: "DEGRADED",
  message: "answered 500",
  consecutiveFailures: 1,
  lastCheck: "2026-01-01T00:00:00.000Z",
  responseTimeMs: 12.5,
  uptime: { "1h": 98.2, "24h": 99.9 },
};
const report: ReceivedReport = {
  report: {
    node: "n1",
    id: "o1",
    service: "orders",
    agentVersion: "0.1.0",
    state: "running",
    restartCount: 2,
    admin: "http://a",
    lastError: "exit 1",
    health,
  },
  receivedAt: Date.parse("2026-01-01T00:00:00Z"),
  silent: false,
};

const ejected: BreakerView = {
  state: "open",
  callers: 1,
  by: [{ caller: "n1/w1", state: "open", cause: "consecutive 5xx", since: "2026-01-01T00:00:00.000Z" }],
};

function server(released: string[] = []) {
  const registry = [orders, serviceOf("web", "w1")];
  const app = fastify();
  useProblems(app);
  withoutAcl(app);
  const source = {
    services: () => registry,
    service: (name: string) => registry.find((s) => s.name === name),
    problems: (name: string) => (name === "web" ? [{ code: "service-name", service: "web", message: "odd" } as const] : []),
    identity: (name: string) => (name === "orders" ? { mode: "strict" as const } : undefined),
    breakers: (service: CatalogService) => ({
      service: closedBreaker,
      instances: new Map(service.name === "orders" ? [["n1/o4", ejected]] : []),
    }),
    report: (key: string) => (key === "n1/o1" ? report : undefined),
    refresh: async () => ["10.0.0.2:8080 refused the connection"],
  };
  addServiceRoutes(app, source, (name) => released.push(name));
  return app;
}

test("every instance is listed with what the proxies make of it, and why", async () => {
  const body = (await server().inject("/services")).json<ServiceList>();
  expect(body).toMatchObject({ total: 2, silent: ["10.0.0.2:8080 refused the connection"] });
  const view = body.services["orders"];
  expect(view).toMatchObject({
    protocol: "http2",
    tags: ["eu", "v1", "v2"],
    versions: ["1.0"],
    dependencies: ["cache?", "payments"],
    endpoints: { healthy: 1, degraded: 0, unhealthy: 1, draining: 1, omitted: 1 },
  });
  expect(view?.instances.map((i) => [i.id, i.health, i.meshAddress])).toEqual([
    ["o1", "HEALTHY", "10.0.0.1:8000"],
    ["o2", "UNHEALTHY", "[fd00::1]:20000"],
    ["o3", "OMITTED", "10.0.0.1:8002"],
    ["o4", "DRAINING", "10.0.0.1:8003"],
  ]);
  expect(view?.instances.every((i) => i.reason !== "")).toBe(true);
  expect(body.services["web"]?.problems).toMatchObject([{ message: "odd" }]);
});

test("an instance whose agent reports carries that report", async () => {
  const { instances } = (await server().inject("/services/orders")).json<ServiceView>();
  expect(instances[0]?.agent).toEqual({
    state: "running",
    restartCount: 2,
    lastError: "exit 1",
    health,
    agentVersion: "0.1.0",
    admin: "http://a",
    reportedAt: "2026-01-01T00:00:00.000Z",
    silent: false,
  });
  expect(instances[1]).not.toHaveProperty("agent");
});

test("tags choose instances that carry all of them, and services that have such", async () => {
  const { services } = (await server().inject("/services?tag=v1&tag=eu")).json<{ services: Record<string, ServiceView> }>();
  expect(Object.keys(services)).toEqual(["orders"]);
  expect(services["orders"]?.instances.map((i) => i.id)).toEqual(["o1"]);
  expect((await server().inject("/services/orders?tag=v2")).json<ServiceView>().instances.map((i) => i.id)).toEqual(["o2"]);
});

test("an unknown service is a problem that names it", async () => {
  for (const answer of [
    await server().inject("/services/nope"),
    await server().inject({ method: "POST", url: "/api/services/nope/release" }),
  ]) {
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: "service.unknown", detail: expect.stringContaining("nope") });
  }
});

test("held instances are given up by command", async () => {
  const released: string[] = [];
  const answer = await server(released).inject({ method: "POST", url: "/api/services/orders/release" });
  expect(answer.statusCode).toBe(202);
  expect(released).toEqual(["orders"]);
});

test("a failure of the server itself shows nothing of its inside", async () => {
  const app = fastify();
  useProblems(app);
  app.get("/broken", () => {
    throw new Error("secret path /etc/x");
  });
  const answer = await app.inject("/broken");
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain("secret");
  expect(answer.json()).toMatchObject({ code: "api.failed", status: 500 });
});

test("a service shows its mode and an instance what it says of mutual TLS, each where it is known", async () => {
  const mutual: CatalogService = { name: "orders", instances: [instance("orders", "o1", { meta: { "legation-tls": "required" } })] };
  const breakers = () => ({ service: closedBreaker, instances: new Map() });
  const silent = { report: () => undefined, refresh: async () => [] };
  const source = { services: () => [], service: () => undefined, problems: () => [], ...silent, breakers };
  const known = viewOf(mutual, { ...source, identity: () => ({ mode: "strict" }) });
  expect([known.mode, known.instances[0]?.tls]).toEqual(["strict", "required"]);
  const unknown = viewOf(serviceOf("web", "w1"), { ...source, identity: () => undefined });
  expect(unknown).not.toHaveProperty("mode");
  expect(unknown.instances[0]).not.toHaveProperty("tls");
});

test("a service and its instances show their breakers, and an instance what health leaves of its weight", async () => {
  const view = (await server().inject("/services/orders")).json<ServiceView>();
  expect(view.breaker).toEqual(closedBreaker);
  expect(view.instances.map(({ id, share, breaker }) => [id, share, breaker.state])).toEqual([
    ["o1", 100, "closed"],
    ["o2", 0.5, "closed"],
    ["o3", 100, "closed"],
    ["o4", 100, "open"],
  ]);
  expect(view.instances[3]?.breaker).toEqual(ejected);
});
