import type { OrchestratedService } from "@legation/contract/api";
import { expect, it } from "vitest";
import { showService } from "./service-detail.js";

it("shows how a service stands, its instances, and what did not pass lately", () => {
  const look = { check: "http", message: "503", response_time_ms: 2, instance: "n1/orders-1" };
  const service: OrchestratedService = {
    ...{ success: true, service: "orders", status: "unhealthy", reason: "503", health: "UNHEALTHY", is_critical: true },
    ...{ restart_count: 2, last_restart: "2026-03-01T10:00:00Z", last_error: "exit code 1", silent: [] },
    dependencies: { required: ["db"], optional: [], dependents: ["web"], layer: 2 },
    health_history: [
      { ...look, timestamp: "2026-03-01T10:00:01Z", status: "HEALTHY", message: "passes" },
      { ...look, timestamp: "2026-03-01T10:00:02Z", status: "UNHEALTHY" },
    ],
    registry_metadata: { type: "orders", protocols: ["http"], versions: [], tags: [], instances: [] },
    instances: [
      {
        ...{ instance: "n1/orders-1", status: "unhealthy", reason: "503", health: "UNHEALTHY", restart_count: 2, last_restart: null },
        ...{ last_error: "exit code 1", uptime_1h: 97.126, uptime_24h: null, uptime_7d: null },
      },
    ],
  };
  expect(showService(service, { width: 80, colour: false })).toBe(
    [
      "orders is unhealthy: 503. The mesh is not ready without it.",
      "Restarts: 2, the last at 2026-03-01T10:00:00Z; last error: exit code 1.",
      "Needs db; uses nobody; called by web; layer 2.",
      "",
      "INSTANCE     STATUS     HEALTH     RESTARTS  UP 1H    WHY",
      "n1/orders-1  unhealthy  unhealthy         2  97.13 %  503",
      "",
      "Not all of the last 2 checks passed.",
      "2026-03-01T10:00:02Z n1/orders-1 http: 503",
      "",
    ].join("\n"),
  );
});
