import type {
  OrchestratedDependencies,
  OrchestratedHealth,
  OrchestratedService,
  OrchestratedServices,
  OrchestrationMetrics,
  ServicesHealth,
  ServicesStats,
} from "@legation/contract/api";
import { beforeEach, describe, expect, test } from "vitest";
import { agentReport } from "../testing/agent-report.js";
import { instance } from "../testing/catalog.js";
import { createGuardedApi } from "../testing/guarded-api.js";

let made: Awaited<ReturnType<typeof createGuardedApi>>;
const get = async <T>(path: string, token?: string): Promise<T> => (await made.ask(path, token)).body as T;

beforeEach(async () => {
  made = await createGuardedApi({ mode: "off" });
  const meta = { "legation-dep-0": "orders,cache?,mail", type: "edge", version: "1.2.0" };
  made.registry[2] = { name: "web", instances: [instance("web", "w1", { meta, tags: ["critical"] })] };
  const health = {
    ...{ level: "UNHEALTHY" as const, message: "connection refused", consecutiveFailures: 4 },
    ...{ lastCheck: "2026-03-01T10:00:00Z", responseTimeMs: 3, uptime: { "1h": 40, "7d": 90 } },
  };
  const unknown = { level: "UNKNOWN", message: "http was not checked yet", consecutiveFailures: 0, uptime: {} } as const;
  made.reports.add(
    agentReport({ state: "unhealthy", restartCount: 3, lastError: "connection refused", health, answers: { requests: 9, failures: 2 } }),
  );
  const waiting = { state: "waiting", reason: "mail has no endpoint", dependencyWaitMs: 120, health: unknown } as const;
  made.reports.add(agentReport({ id: "w1", service: "web", ...waiting }));
});

describe("the orchestration API", () => {
  test("says how each service stands", async () => {
    const body = await get<OrchestratedServices>("/api/orchestration/services");
    expect(body).toMatchObject({ success: true, total_services: 3, is_ready: true, initialized: true, silent: [] });
    expect(body.services["orders"]).toEqual({
      status: "unhealthy",
      reason: "connection refused",
      restart_count: 3,
      last_restart: null,
      last_error: "connection refused",
      is_critical: false,
    });
    expect(body.services["secret"]?.status).toBe("unknown");
    expect(body.services["web"]).toMatchObject({ status: "waiting", is_critical: true });
  });

  test("says how healthy each is, and all together", async () => {
    const body = await get<OrchestratedHealth>("/api/orchestration/health");
    expect(body).toMatchObject({ status: "ok", composite_health: "UNHEALTHY", unhealthy_services: ["orders"], degraded_services: [] });
    expect(body.services["orders"]).toMatchObject({
      ...{ status: "UNHEALTHY", last_check: "2026-03-01T10:00:00Z", consecutive_failures: 4, response_time_ms: 3 },
      ...{ uptime_1h: 40, uptime_24h: null, uptime_7d: 90 },
    });
  });

  test("says who needs whom, with the drawing", async () => {
    const body = await get<OrchestratedDependencies>("/api/orchestration/dependencies");
    expect(body).toMatchObject({ startup_order: ["orders", "secret", "web"], shutdown_order: ["web", "secret", "orders"], cycles: [] });
    expect(body.dependencies["web"]).toEqual({
      type: "edge",
      dependencies: ["mail", "orders"],
      optional_dependencies: ["cache"],
      dependents: [],
      layer: 2,
      missing: ["mail", "cache"],
    });
    expect(body.dependencies["orders"]).toMatchObject({ type: "orders", dependents: ["web"], layer: 1 });
    expect(body.visualization).toContain("│ web (waiting)\n│   needs mail (not registered), orders\n");
  });

  test("counts", async () => {
    const { metrics, registry_stats, service_details } = await get<OrchestrationMetrics>("/api/orchestration/metrics");
    expect(metrics).toMatchObject({
      total_services: 3,
      running_services: 0,
      total_restarts: 3,
      healthy_services: 1,
      unhealthy_services: 1,
    });
    expect(metrics.status_distribution).toMatchObject({ unhealthy: 1, waiting: 1, unknown: 1, running: 0 });
    expect(metrics.dependency_resolution_times).toEqual({ web: { waited_ms: 120, waiting_for: "mail has no endpoint" } });
    expect(registry_stats).toMatchObject({
      ...{ total_services: 3, total_instances: 3, endpoints: { healthy: 3, omitted: 0 }, agents: { reporting: 2, silent: 0, none: 1 } },
      versions: { "web 1.2.0": 1 },
    });
    expect(service_details["orders"]).toMatchObject({ health: "UNHEALTHY", breaker: "closed", restart_count: 3, healthy_instances: 0 });
  });

  test("tells of one service what its agents remember", async () => {
    made.commands.listen("n1/o1", {
      command(command) {
        const at = ["2026-03-01T10:00:02Z", "2026-03-01T10:00:01Z"];
        const history = at.map((moment, i) => ({
          check: "http",
          outcome: i ? "pass" : "fail",
          message: "m",
          at: moment,
          responseTimeMs: 3,
        }));
        const body = { health: { history: [...history, { check: "odd" }] } };
        setImmediate(
          () =>
            void made.commander.report({
              node: "n1",
              id: "o1",
              service: "orders",
              command: command.id,
              replica: "r",
              ok: true,
              message: "",
              body,
            }),
        );
      },
      closed: () => undefined,
    });
    const body = await get<OrchestratedService>("/api/orchestration/service/orders");
    expect(body).toMatchObject({ service: "orders", status: "unhealthy", dependencies: { dependents: ["web"], layer: 1 } });
    expect(body.health_history).toEqual([
      { timestamp: "2026-03-01T10:00:01Z", status: "HEALTHY", check: "http", message: "m", response_time_ms: 3, instance: "n1/o1" },
      { timestamp: "2026-03-01T10:00:02Z", status: "UNHEALTHY", check: "http", message: "m", response_time_ms: 3, instance: "n1/o1" },
    ]);
    expect(body.registry_metadata).toMatchObject({ type: "orders", protocols: ["http"], instances: [{ node: "n1", id: "o1" }] });
    expect(body.instances).toMatchObject([{ instance: "n1/o1", status: "unhealthy", uptime_1h: 40 }]);
    expect((await made.ask("/api/orchestration/service/oders")).body).toMatchObject({
      status: 404,
      detail: expect.stringContaining("orders?"),
    });
  });

  test("shows each caller what it may read", async () => {
    made = await createGuardedApi();
    for (const path of ["services", "health", "dependencies", "metrics"]) {
      const text = JSON.stringify((await made.ask(`/api/orchestration/${path}`, "reader")).body);
      expect([path, text.includes("orders"), text.includes("secret")]).toEqual([path, true, false]);
    }
    made.registry[1] = { name: "secret", instances: [instance("secret", "s1", { meta: { "legation-dep-0": "orders" } })] };
    const dependents = async (token: string) =>
      (await made.ask("/api/orchestration/service/orders", token)).body.dependencies.dependents as string[];
    expect(await dependents("operator")).toContain("secret");
    expect(await dependents("reader")).not.toContain("secret");
    const { body } = await made.ask("/api/orchestration/service/secre", "owner");
    expect(JSON.stringify(body)).not.toContain("secret");
  });
});

test("health and figures of all services at a glance", async () => {
  const health = await get<ServicesHealth>("/services/health");
  expect(health).toMatchObject({ status: "UNHEALTHY", total: 3, healthy: 1, unhealthy: 1, unknown: 1 });
  expect(health.services["orders"]?.instances).toMatchObject([
    { id: "o1", status: "UNHEALTHY", consecutiveFailures: 4, uptime: { "1h": 40 } },
  ]);
  const stats = await get<ServicesStats>("/services/stats");
  expect(stats).toMatchObject({ totalServices: 3, totalInstances: 3, healthyInstances: 2 });
  expect(stats.services["orders"]).toMatchObject({ status: "unhealthy", strategy: "health_based", requests: 9, failures: 2, restarts: 3 });
  expect(stats.circuitBreaker["orders"]).toMatchObject({ state: "closed" });
});
