import { healthLevels, serviceStates } from "@legation/contract";
import type { CatalogService, Check } from "@legation/mesh";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agentReport } from "../testing/agent-report.js";
import { instance } from "../testing/catalog.js";
import { meshStatusOf } from "./mesh-status.js";
import { levelsBySeverity, statesBySeverity, worstLevel, worstState } from "./severity.js";
import type { SharedReport, StatusReport } from "./shared-reports.js";

const at = Date.parse("2026-03-01T10:00:00Z");

function said(change: Partial<StatusReport>, silent = false): SharedReport {
  return { report: agentReport(change), receivedAt: at, silent };
}

function statusOf(services: readonly CatalogService[], ...reports: SharedReport[]) {
  const byKey = new Map(reports.map((report) => [`${report.report.node}/${report.report.id}`, report]));
  return meshStatusOf({ services, reports: { of: (key) => byKey.get(key), keys: () => byKey.keys() }, initialized: true });
}

function check(status: Check["status"], output = ""): Check {
  return { id: "c", name: "http", status, output };
}

const orders = (...instances: CatalogService["instances"]): CatalogService => ({ name: "orders", instances });

describe("the status of a service", () => {
  test("is what its agent says, with its reason", () => {
    const health = { level: "DEGRADED", message: "1 failure", consecutiveFailures: 1, uptime: { "1h": 99 } } as const;
    const { services } = statusOf(
      [orders(instance("orders", "o1", { tags: ["critical"] }))],
      said({ reason: "it is healthy", since: "2026-03-01T09:00:00Z", restartCount: 2, lastError: "exit code 1", health }),
    );
    expect(services.get("orders")).toMatchObject({
      state: "running",
      reason: "it is healthy",
      level: "DEGRADED",
      restartCount: 2,
      lastError: "exit code 1",
      isCritical: true,
      uptime: { "1h": 99 },
      healthy: 1,
      instances: [{ agent: "reporting", since: "2026-03-01T09:00:00Z" }],
    });
  });

  test("is unknown without an agent, and its health is what Consul knows", () => {
    const { services } = statusOf([
      orders(instance("orders", "o1", { checks: [check("critical", "connection refused")] })),
      { name: "db", instances: [instance("db", "d1")] },
      { name: "mail", instances: [instance("mail", "m1", { checks: [] })] },
      { name: "cache", instances: [instance("cache", "c1", { checks: [check("warning"), check("passing")] })] },
    ]);
    expect([...services.values()].map(({ name, state, level }) => [name, state, level])).toEqual([
      ["cache", "unknown", "DEGRADED"],
      ["db", "unknown", "HEALTHY"],
      ["mail", "unknown", "UNKNOWN"],
      ["orders", "unknown", "UNHEALTHY"],
    ]);
    expect(services.get("orders")?.reason).toContain("no agent reports");
  });

  test("is unknown when its agent has fallen silent, and says since when", () => {
    const { services } = statusOf([orders(instance("orders", "o1"))], said({}, true));
    expect(services.get("orders")).toMatchObject({
      state: "unknown",
      reason: "its agent has said nothing since 2026-03-01T10:00:00.000Z; it was running then",
      level: "HEALTHY",
    });
  });

  test("names the instance that it is due to", () => {
    const { services } = statusOf(
      [orders(instance("orders", "o1"), instance("orders", "o2"))],
      said({ id: "o1" }),
      said({ id: "o2", state: "failed", reason: "exit code 1; 3 attempts are used up", lastError: "exit code 1" }),
    );
    expect(services.get("orders")).toMatchObject({
      state: "failed",
      reason: "n1/o2: exit code 1; 3 attempts are used up",
      level: "UNHEALTHY",
      message: "n1/o2: exit code 1",
      lastError: "exit code 1",
    });
  });

  test("is told of services that only agents know, and of one that has gone only as long as no other is left", () => {
    const waiting = said({ service: "web", id: "w1", state: "waiting", reason: "orders has no endpoint" });
    const alone = statusOf([], waiting, said({ state: "stopped", reason: "SIGTERM" }));
    expect([...alone.services.values()].map(({ name, state }) => [name, state])).toEqual([
      ["orders", "stopped"],
      ["web", "waiting"],
    ]);
    const replaced = statusOf([orders(instance("orders", "o2"))], said({ state: "stopped" }), said({ id: "o2" }), said({ id: "o3" }, true));
    expect(replaced.services.get("orders")).toMatchObject({ state: "running", instances: [{ id: "o2" }] });
  });

  test("is the same object as before as long as nothing of it has changed", () => {
    const [one, two] = [said({ id: "o1" }), said({ id: "w1", service: "web" })];
    const services = [orders(instance("orders", "o1")), { name: "web", instances: [instance("web", "w1")] }];
    const sources = (web: SharedReport) => ({
      ...{ services, initialized: true },
      reports: { of: (key: string) => (key === "n1/o1" ? { ...one } : web), keys: () => ["n1/o1", "n1/w1"] },
    });
    const before = meshStatusOf(sources(two));
    const after = meshStatusOf(sources(said({ id: "w1", service: "web", state: "failed" })), before);
    expect(after.services.get("orders")).toBe(before.services.get("orders"));
    expect(after.services.get("web")?.state).toBe("failed");
    expect(meshStatusOf(sources({ ...two, silent: true }), after).services.get("web")?.state).toBe("unknown");
  });

  test("is not that of another service whose agent speaks of the same instance", () => {
    const { services } = statusOf([orders(instance("orders", "o1"))], said({ service: "intruder", state: "failed" }));
    expect(services.get("orders")?.state).toBe("unknown");
    expect(services.has("intruder")).toBe(false);
  });
});

describe("the mesh is ready", () => {
  const critical = (change: Partial<CatalogService["instances"][number]>) =>
    orders(instance("orders", "o1", { tags: ["critical"], ...change }));

  test("when each critical service has a healthy instance", () => {
    expect(statusOf([critical({})]).ready).toBe(true);
    expect(statusOf([critical({ checks: [check("critical", "refused")] })]).ready).toBe(false);
    expect(statusOf([{ ...critical({}), instances: [] }]).ready).toBe(true);
  });

  test("and not when one is tried only because there is no other", () => {
    const lapsed = critical({ checks: [{ id: "legation:heartbeat", name: "heartbeat", status: "critical", output: "TTL expired" }] });
    const { ready, services } = statusOf([lapsed]);
    expect(services.get("orders")?.instances[0]?.endpoint).toMatchObject({ health: "HEALTHY" });
    expect(ready).toBe(false);
  });

  test("never before everything in Consul has been read", () => {
    const reports = { of: () => undefined, keys: () => [] };
    expect(meshStatusOf({ services: [], reports, initialized: false }).ready).toBe(false);
  });
});

describe("the worst", () => {
  test("state and level are of those given, and none of them is worse", () => {
    expect([...statesBySeverity].sort()).toEqual([...serviceStates].sort());
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...serviceStates), { minLength: 1 }), (states) => {
        const worst = worstState(states);
        expect(states).toContain(worst);
        for (const state of states) expect(statesBySeverity.indexOf(state)).toBeLessThanOrEqual(statesBySeverity.indexOf(worst));
      }),
    );
    expect([...levelsBySeverity].sort()).toEqual([...healthLevels].sort());
    expect([worstLevel([]), worstLevel(["UNKNOWN", "HEALTHY"]), worstLevel(["HEALTHY", "UNHEALTHY", "DEGRADED"]), worstState([])]).toEqual([
      "UNKNOWN",
      "HEALTHY",
      "UNHEALTHY",
      "unknown",
    ]);
  });

  test("of a service does not depend on the order of its instances", () => {
    const states = fc.array(fc.tuple(fc.constantFrom(...serviceStates), fc.boolean()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(states, (given) => {
        const instances = given.map((_, i) => instance("orders", `o${i}`));
        const reports = given.map(([state, silent], i) => said({ id: `o${i}`, state, lastError: `error of o${i}` }, silent));
        const [there, back] = [
          statusOf([orders(...instances)], ...reports),
          statusOf([orders(...instances.reverse())], ...reports.reverse()),
        ];
        expect(there.services.get("orders")).toEqual(back.services.get("orders"));
      }),
    );
  });
});
