import type { HealthView, ReplicaList } from "@legation/contract/api";
import { expect, it } from "vitest";
import { paper } from "../screen.js";
import { wide } from "../testing/capture.js";
import { show } from "./status.js";

const health: HealthView = {
  status: "ok",
  version: "0.1.0",
  uptime: 5,
  catalog: { origin: "consul", age: 0.2, lastAnswer: "2026-01-01T00:00:00.000Z", services: 2, instances: 3 },
  consul: { address: "http://127.0.0.1:8500", connected: true, complete: true, error: null },
  xds: { address: "127.0.0.1:18000", streams: 4, rejected: 0 },
  agents: { reporting: 3, listening: 3 },
  problems: [],
  problemCount: 0,
};
const list = (...views: readonly HealthView[]): ReplicaList => ({
  replicas: views.map((view, i) => ({ replica: `r${i}`, address: `10.0.0.${i}:8080`, answering: i === 0, health: view })),
  silent: [],
});

it("is a line for each control plane that is well", () => {
  const lines = show(list(health, health), paper).split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[1]).toMatch(/^10\.0\.0\.0:8080 +ok +0\.1\.0 +2 +3 +4 +3 +0 s$/);
});

it("says why the data is old, who is silent, and each problem once", () => {
  const consul = { ...health.consul, connected: false, error: "Consul at http://127.0.0.1:8500 refused the connection. Start it." };
  const problems = [{ code: "duplicate-id", service: "orders", message: "two instances have one id" }];
  const stale: HealthView = { ...health, status: "stale", catalog: { ...health.catalog, age: 7_300 }, consul, problems, problemCount: 3 };
  const shown = show(
    { ...list(stale, { ...stale, xds: { ...stale.xds, rejected: 2 } }), silent: ["10.0.0.9:8080 refused the connection"] },
    wide,
  );
  expect(shown).toContain("stale: Consul at http://127.0.0.1:8500 refused the connection. Start it. Proxies keep what they have");
  expect(shown).toContain("2 h");
  expect(shown).toContain("10.0.0.1:8080: 2 proxies refuse something: see legation proxies");
  expect(shown).toContain("Silent: 10.0.0.9:8080 refused the connection");
  expect(shown.split("two instances have one id")).toHaveLength(2);
  expect(shown).toContain("2 more problems");
});
