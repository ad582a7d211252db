import type { CheckNowAnswer, InstanceStatusView, RestartAnswer, WhyNotAnswer } from "@legation/contract/api";
import { describe, expect, it } from "vitest";
import type { Screen } from "../screen.js";
import { show as showChecks } from "./check-now.js";
import { show } from "./instances.js";
import { show as showRestart } from "./restart.js";
import { show as showWhyNot } from "./why-not.js";

const narrow: Screen = { width: 80, colour: false };

function instance(change: Partial<InstanceStatusView> = {}): InstanceStatusView {
  return {
    ...{ node: "n1", id: "orders-1", service: "orders", status: "running", reason: "it is healthy", since: null, health: "HEALTHY" },
    ...{ message: "passes", traffic: "HEALTHY", trafficReason: "passing", weight: 1, version: "1.0", zone: null, address: "10.0.0.1:80" },
    ...{ agent: "reporting", restartCount: 0, lastRestart: null, lastError: null, uptime: { "1h": 99.987 } },
    ...change,
  };
}

/** The widest line. */
const width = (text: string) => Math.max(...text.split("\n").map((line) => line.length));

describe("the list of instances", () => {
  it("shows how each stands, and below why one is not as it should be", () => {
    const failed = { status: "failed", reason: "exit code 1", traffic: "UNHEALTHY", trafficReason: "critical: heartbeat" } as const;
    const text = show(
      { instances: [instance(), instance({ id: "orders-2", health: "UNHEALTHY", restartCount: 3, ...failed })], silent: [] },
      narrow,
    );
    expect(text.split("\n")).toEqual([
      "INSTANCE     SERVICE  STATUS   HEALTH     TRAFFIC    RESTARTS  UP 1H",
      "n1/orders-1  orders   running  healthy    healthy           0  99.99 %",
      "n1/orders-2  orders   failed   unhealthy  unhealthy         3  99.99 %",
      "",
      "n1/orders-2: failed: exit code 1",
      "n1/orders-2: gets no traffic: critical: heartbeat; legation why-not orders-2",
      "",
    ]);
  });

  it("says which control planes are silent, and that there is no instance", () => {
    expect(show({ instances: [], silent: ["10.0.0.2:8080 refused the connection"] }, narrow)).toBe(
      "There is no instance.\nNo answer from the control plane at 10.0.0.2:8080 refused the connection\n",
    );
  });
});

describe("answers of a control plane", () => {
  it("to why-not name the gate, and what to do, within 80 columns", () => {
    const answer: WhyNotAnswer = {
      ...{ instance: "n1/orders-1", service: "orders", getsTraffic: false, shut: "checks", silent: [] },
      text: "n1/orders-1 gets no traffic: critical: http (connection refused by 127.0.0.1:8000). Mend what the check says",
      gates: [
        { gate: "agent", open: true, what: "its agent 0.1.0 reports", fix: null },
        { gate: "checks", open: false, what: "critical: http (connection refused by 127.0.0.1:8000)", fix: "Mend what the check says" },
        { gate: "callers", open: null, what: "no proxy of a caller takes orders now; web declares it", fix: "Start the callers' agents" },
      ],
    };
    const text = showWhyNot(answer, narrow);
    expect(text).toMatch(/^agent {4}yes {3}its agent/m);
    expect(text).toMatch(/^checks {3}no {4}critical/m);
    expect(text).toMatch(/^callers {2}\? {5}no proxy/m);
    expect(text).toContain("checks: critical: http (connection refused by 127.0.0.1:8000). Mend what the\n  check says\n");
    expect(width(text)).toBeLessThanOrEqual(80);
  });

  it("to a restart and to checks say what became of each instance", () => {
    const restart: RestartAnswer = {
      ...{ success: false, service: "orders", status: "running", restart_count: 1, last_restart: null, silent: [] },
      message: "n1/orders-2 failed: refused. 1 of 2 instances restarted",
      instances: [
        { instance: "n1/orders-1", outcome: "restarted", message: "restarted; 1 proxy acknowledged" },
        { instance: "n1/orders-2", outcome: "failed", message: "refused" },
      ],
    };
    const shown = showRestart(restart, narrow);
    expect(shown).toMatch(/^n1\/orders-2 {2}failed {5}refused$/m);
    expect(shown.trimEnd().split("\n").at(-1)).toBe("n1/orders-2 failed: refused. 1 of 2 instances restarted");
    const check = { check: "http", outcome: "fail", level: "DEGRADED", message: "503", response_time_ms: 4 } as const;
    const checks = { "n1/orders-1": { status: "DEGRADED", answered: true, message: "503", checks: [check] } } as const;
    const silent = {
      "n1/orders-2": { status: "UNKNOWN", answered: false, message: "its agent has not answered in time", checks: [] },
    } as const;
    const result = { service_name: "orders", status: "DEGRADED", timestamp: "T", message: "503", response_time_ms: 4 } as const;
    const answer: CheckNowAnswer = {
      ...{ success: false, timestamp: "T", composite_health: "DEGRADED", silent: [] },
      results: { orders: { ...result, details: { instances: { ...checks, ...silent } } } },
    };
    expect(showChecks(answer, narrow).split("\n").slice(1, 3)).toEqual([
      "n1/orders-1  http   DEGRADED  fail   4 ms  503",
      "n1/orders-2  -      UNKNOWN   -      -     its agent has not answered in time",
    ]);
  });
});
