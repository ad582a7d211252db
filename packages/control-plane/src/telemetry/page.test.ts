import { type AgentReport, instanceKey } from "@legation/contract";
import type { CatalogService } from "@legation/mesh";
import { describe, expect, test } from "vitest";
import type { ReceivedReport } from "../channel/reports.js";
import { closedBreaker } from "../figures/breakers.js";
import { instance, serviceOf } from "../testing/catalog.js";
import { metricsPage, type PageSources } from "./page.js";
import { createRestarts } from "./restarts.js";

const report = (id: string, change: Partial<AgentReport> = {}): AgentReport => ({
  ...{ node: "n1", id, service: "orders", agentVersion: "1", state: "running", restartCount: 0, admin: "" },
  ...change,
});

function scene(services: CatalogService[], change: Partial<PageSources> = {}) {
  const reports = new Map<string, ReceivedReport>();
  const restarts = createRestarts();
  const sources: PageSources = {
    own: async () => "up 1\n",
    services: () => services,
    most: 5_000,
    report: (key) => reports.get(key),
    breakers: () => ({ service: closedBreaker, instances: new Map() }),
    restarts,
    ...change,
  };
  return {
    services,
    say(said: AgentReport, silent = false) {
      restarts.take(said);
      reports.set(instanceKey(said.node, said.id), { report: said, receivedAt: 0, silent });
    },
    async text() {
      let text = "";
      for await (const piece of metricsPage(sources)) text += piece;
      return text;
    },
    async rows(metric: string) {
      return (await this.text()).split("\n").filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `));
    },
  };
}

const warning = { id: "c", name: "c", status: "warning", output: "" } as const;
const critical = { id: "c", name: "c", status: "critical", output: "gone" } as const;
const lapsed = { id: "legation:o1:heartbeat", name: "h", status: "critical", output: "TTL expired" } as const;

describe("a service's health", () => {
  test.each<[string, CatalogService["instances"], number]>([
    ["all pass", [instance("orders", "o1"), instance("orders", "o2")], 1],
    ["one warns", [instance("orders", "o1"), instance("orders", "o2", { checks: [warning] })], 0.5],
    ["one is critical", [instance("orders", "o1"), instance("orders", "o2", { checks: [critical] })], 0.5],
    ["all are critical", [instance("orders", "o1", { checks: [critical] })], 0],
    ["one drains", [instance("orders", "o1"), instance("orders", "o2", { leaving: true })], 1],
    ["all drain", [instance("orders", "o1", { leaving: true })], -1],
    ["none is there", [], -1],
  ])("where %s", async (_, instances, value) =>
    expect(await scene([{ name: "orders", instances }]).rows("legation_service_health")).toEqual([
      `legation_service_health{service="orders"} ${value}`,
    ]),
  );
});

test("instances are counted by what they are in the proxies, the lapsed, held and ejected ones besides", async () => {
  const open = { ...closedBreaker, state: "open" as const };
  const page = scene(
    [{ name: "orders", instances: [instance("orders", "o1", { checks: [lapsed] }), instance("orders", "o2", { kept: true })] }],
    { breakers: () => ({ service: open, instances: new Map([["n1/o1", open]]) }) },
  );
  expect(await page.rows("legation_service_instances")).toHaveLength(5);
  expect(await page.rows("legation_service_instances")).toContain('legation_service_instances{service="orders",health="unhealthy"} 1');
  for (const name of ["service_lapsed_instances", "service_held_instances", "service_agent_instances", "circuit_breaker_ejected_instances"])
    expect(await page.rows(`legation_${name}`)).toEqual([`legation_${name}{service="orders"} 1`]);
  expect(await page.rows("legation_circuit_breaker_state")).toEqual(['legation_circuit_breaker_state{service="orders"} 2']);
});

test("what agents report counts while they are heard, and for the service that they are of", async () => {
  const page = scene([serviceOf("orders", "o1", "o2", "o3", "o4")]);
  const health = { level: "HEALTHY", message: "", consecutiveFailures: 0, uptime: {} } as const;
  page.say(report("o1", { health: { ...health, responseTimeMs: 10 } }));
  page.say(report("o2", { health: { ...health, responseTimeMs: 30 }, state: "failed" }));
  page.say(report("o3", { health: { ...health, responseTimeMs: 999 } }), true);
  page.say(report("o4", { service: "other" }));
  expect(await page.rows("legation_service_response_time_ms")).toEqual(['legation_service_response_time_ms{service="orders"} 20']);
  expect(await page.rows("legation_service_response_time_seconds")).toEqual([
    'legation_service_response_time_seconds{service="orders"} 0.02',
  ]);
  expect(await page.rows("legation_service_agents")).toEqual([
    'legation_service_agents{service="orders",state="running"} 1',
    'legation_service_agents{service="orders",state="failed"} 1',
  ]);
});

test("restarts are counted from the first report on, and begin anew with a service that has gone", async () => {
  const page = scene([serviceOf("orders", "o1")]);
  page.say(report("o1", { restartCount: 5 }));
  page.say(report("o1", { restartCount: 7 }));
  page.say(report("o1", { restartCount: 1 }));
  page.say(report("o1", { restartCount: 2 }));
  expect(await page.rows("legation_service_restarts_total")).toEqual(['legation_service_restarts_total{service="orders"} 3']);
  const [orders] = page.services.splice(0);
  expect(await page.text()).not.toContain("orders");
  if (orders) page.services.push(orders);
  expect(await page.rows("legation_service_restarts_total")).toEqual(['legation_service_restarts_total{service="orders"} 0']);
});

test("the page has the figures of the process first, and services up to the limit", async () => {
  const page = scene([serviceOf("a", "a1"), serviceOf("b", "b1"), serviceOf("c", "c1")], { most: 2 });
  expect(await page.text()).toMatch(/^up 1\n/);
  expect(await page.rows("legation_metrics_left_out_services")).toEqual(["legation_metrics_left_out_services 1"]);
  expect(await page.text()).not.toContain('service="c"');
});

test("a name that no service should have does not break the format", async () => {
  const page = scene([{ name: 'a"b\\c\nd', instances: [] }]);
  expect(await page.rows("legation_service_health")).toEqual(['legation_service_health{service="a\\"b\\\\c\\nd"} -1']);
});
