import { type AddressInfo, createServer } from "node:net";
import { Registry } from "@legation/runtime";
import { afterAll, describe, expect, it } from "vitest";
import type { AgentStatus } from "../status.js";
import { createTelemetry } from "../telemetry.js";
import { type AdminParts, routes, startAdminServer } from "./server.js";

const status = {
  service: "orders",
  state: "running",
  reason: "fine",
  serving: true,
  restartCount: 2,
  health: { level: "DEGRADED", message: "GET x answered 500" },
  consul: { registered: true, lastHeartbeat: "1970-01-01T00:00:07.000Z" },
} as AgentStatus;
const asked: string[] = [];
const metrics = new Registry();
createTelemetry(metrics, "orders", () => status).transition("running");
const parts = (over: Partial<AdminParts> = {}): AdminParts => ({
  status: () => status,
  config: () => "name: orders # --name\n",
  drain: async () => [{ step: "1", action: "a", outcome: "o", ms: 3 }],
  undrain: async () => void asked.push("undrain"),
  restart: (force) => {
    asked.push(`restart ${force}`);
    return force ? undefined : "the restart limit is used up";
  },
  checkNow: async () => ({
    success: true,
    timestamp: "2024-01-01T00:00:00.000Z",
    level: "HEALTHY",
    results: [{ check: "http", level: "HEALTHY", outcome: "pass", message: "passes", at: "2024-01-01T00:00:00.000Z", responseTimeMs: 2 }],
  }),
  metrics,
  ...over,
});
const server = routes(parts());
afterAll(() => server.close());

describe("the agent's API", () => {
  it("says whether the instance serves", async () => {
    expect((await server.inject("/health")).json()).toEqual({
      status: "ok",
      state: "running",
      reason: "fine",
      health: "DEGRADED",
      message: "GET x answered 500",
    });
    const idle = routes(parts({ status: () => ({ ...status, serving: false }) }));
    expect((await idle.inject("/health")).statusCode).toBe(503);
    await idle.close();
  });

  it("shows status, configuration and figures", async () => {
    expect((await server.inject("/status")).json()).toMatchObject({ service: "orders", restartCount: 2 });
    expect((await server.inject("/config")).body).toContain("# --name");
    const figures = (await server.inject("/metrics")).body;
    expect(figures).toContain('legation_agent_transitions_total{service="orders",to="running"} 1');
    expect(figures).toContain('legation_agent_state{service="orders",state="running"} 1');
    expect(figures).toContain('legation_service_health{service="orders"} 0.5');
    expect(figures).toContain('legation_agent_restarts{service="orders"} 2');
    expect(figures).toContain('legation_agent_last_heartbeat_seconds{service="orders"} 7');
    expect(figures).toMatch(/process_resident_memory_bytes \d+/);
  });

  it("drains, undrains, checks, and restarts or says why not", async () => {
    expect((await server.inject({ method: "POST", url: "/drain" })).json()).toEqual({
      success: true,
      steps: [{ step: "1", action: "a", outcome: "o", ms: 3 }],
    });
    await server.inject({ method: "POST", url: "/undrain" });
    expect((await server.inject({ method: "POST", url: "/check-now" })).json()).toMatchObject({
      success: true,
      results: [{ outcome: "pass" }],
    });
    const refused = await server.inject({ method: "POST", url: "/restart" });
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toEqual({
      success: false,
      service: "orders",
      status: "running",
      restart_count: 2,
      message: "the restart limit is used up",
    });
    expect((await server.inject({ method: "POST", url: "/restart", payload: { force: true } })).statusCode).toBe(202);
    expect(asked).toEqual(["undrain", "restart false", "restart true"]);
  });

  it("is not for web pages, nor for names that resolve to loopback", async () => {
    expect((await server.inject({ method: "POST", url: "/drain", headers: { origin: "http://evil.example" } })).statusCode).toBe(403);
    expect((await server.inject({ url: "/status", headers: { host: "evil.example:19100" } })).statusCode).toBe(403);
    expect((await server.inject({ url: "/status", headers: { host: "[::1]:19100" } })).statusCode).toBe(200);
  });

  it("names the flag when its port is taken", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => taken.listen(0, "127.0.0.1", () => resolve((taken.address() as AddressInfo).port)));
    await expect(startAdminServer(`127.0.0.1:${port}`, parts())).rejects.toThrow(new RegExp(`port ${port} is in use .*--admin-addr`));
    await new Promise((resolve) => taken.close(resolve));
    const listening = await startAdminServer(`127.0.0.1:${port}`, parts());
    await listening.close();
  });
});
