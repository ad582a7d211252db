import { expect, it } from "vitest";
import { reportedHealth } from "./health-status.js";
import type { MonitorState } from "./monitor.js";

const look = (check: string, at: string, responseTimeMs: number) =>
  ({ check, outcome: "pass", message: "", at: Date.parse(at), responseTimeMs }) as const;
const state = (failures: number, last?: ReturnType<typeof look>): MonitorState => ({
  level: failures > 0 ? "DEGRADED" : "HEALTHY",
  failures,
  successes: 0,
  message: "",
  ...(last ? { last } : {}),
});
const uptime = { "1h": { percent: 99.5, observedMs: 3_600_000 }, "24h": { percent: 99.9, observedMs: 7_200_000 }, "7d": { observedMs: 0 } };

it("tells a control plane the figures of the check that was looked at last, and the most failures in a row", () => {
  const checks = {
    http: state(0, look("http", "2026-01-01T00:00:05Z", 12.5)),
    tcp: state(2, look("tcp", "2026-01-01T00:00:01Z", 1)),
    new: state(0),
  };
  expect(reportedHealth({ level: "DEGRADED", message: "refused", checks, uptime })).toEqual({
    level: "DEGRADED",
    message: "refused",
    consecutiveFailures: 2,
    lastCheck: "2026-01-01T00:00:05.000Z",
    responseTimeMs: 12.5,
    uptime: { "1h": 99.5, "24h": 99.9 },
  });
});

it("is no larger for a long message, and has no last look before the first", () => {
  const told = reportedHealth({ level: "UNKNOWN", message: "x".repeat(100_000), checks: {}, uptime });
  expect(told.message).toHaveLength(1_000);
  expect(told).not.toHaveProperty("lastCheck");
  expect(told.consecutiveFailures).toBe(0);
});
