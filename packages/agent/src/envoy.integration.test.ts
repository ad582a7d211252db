import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { arrivingPath, leavingPath } from "@legation/contract";
import { beforeEach, describe, expect, it } from "vitest";
import { exchange } from "./http-exchange.js";
import { isAlive } from "./process/identity.js";
import { readRecord } from "./process/running.js";
import type { AgentUnderTest } from "./testing/agent-process.js";
import type { ConsulProcess } from "./testing/consul-process.js";
import type { StandIn } from "./testing/control-plane.js";
import { useFixture } from "./testing/fixture.js";
import { until } from "./testing/until.js";

const fixture = useFixture();
let consul: ConsulProcess;
let controlPlane: StandIn;
beforeEach(async () => {
  [consul, controlPlane] = await Promise.all([fixture.consul(), fixture.controlPlane()]);
});

const envoyConfig = { envoy: { enabled: true, concurrency: 1 } };

async function start(config: Record<string, unknown> = {}, flags: readonly string[] = controlPlane.flags): Promise<AgentUnderTest> {
  const agent = await fixture.agent({ consul: consul.url, config: { ...envoyConfig, ...config } });
  agent.start(flags);
  return agent;
}

const httpCheck = async (): Promise<string | undefined> => {
  const checks = await consul.get<{ CheckID: string; Status: string }[]>("/health/checks/orders");
  return checks.find(({ CheckID }) => CheckID === "legation:orders-1:http")?.Status;
};
const through = (agent: AgentUnderTest, path: string) => exchange(`http://127.0.0.1:${agent.inbound}${path}`, { timeoutMs: 10_000 });

describe("an agent with its Envoy", () => {
  it("starts Envoy with the node's identity, registers the inbound address, and is reported to the control plane", {
    timeout: 90_000,
  }, async () => {
    const agent = await start({ zone: "z1" });
    const ready = await agent.ready();
    expect(ready).toMatchObject({ id: "orders-1", inbound: `127.0.0.1:${agent.inbound}`, pids: { envoy: expect.any(Number) } });
    expect(controlPlane.nodes).toEqual([`${ready.node}/orders-1`]);
    const service = await consul.get<{ TaggedAddresses: Record<string, unknown> }>("/agent/service/orders-1");
    expect(service.TaggedAddresses["mesh"]).toEqual({ Address: "127.0.0.1", Port: agent.inbound });
    expect(await through(agent, "/")).toEqual({ status: 200, body: "orders-1" });
    await until("a report that it runs", () => controlPlane.reports.some(({ state, id }) => state === "running" && id === "orders-1"));
    await until("a report of its health", () =>
      controlPlane.reports.some(({ health }) => health?.level === "HEALTHY" && health.lastCheck && health.uptime["1h"] === 100),
    );
  });

  it("leaves in order on SIGTERM: a request under way is answered, and callers are told to close", { timeout: 90_000 }, async () => {
    const agent = await start();
    const { pids } = await agent.ready();
    const slow = new Promise<{ status?: number; connection?: string }>((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port: agent.inbound, path: "/slow" }, (reply) => {
        reply.resume().once("end", () => resolve({ status: reply.statusCode, connection: reply.headers.connection }));
      });
      asked.once("error", reject).end();
    });
    await until("the request is under way", async () => {
      const { body } = await exchange(`http://${(await agent.ready()).envoyAdmin}/stats?filter=http.inbound.downstream_rq_active`, {
        timeoutMs: 2_000,
      });
      return body.includes(": 1");
    });
    agent.signal("SIGTERM");
    expect(await slow).toEqual({ status: 200, connection: "close" });
    expect(await agent.exited()).toBe(7);
    const steps = agent.events().filter(({ event }) => event === "leave.step");
    expect(steps.map(({ step }) => step)).toEqual(["1", "2", "3", "4", "4b", "5", "6", "7"]);
    expect(steps[0]?.["outcome"]).toBe("Consul accepted");
    expect(steps[1]?.["outcome"]).toBe("all 2 subscribed proxies of 1 control plane acknowledged");
    expect(steps[3]?.["outcome"]).toBe("none is under way");
    expect(Number(steps[3]?.["ms"])).toBeGreaterThan(100);
    const told = { node: expect.any(String), id: "orders-1", service: "orders", limitMs: expect.any(Number) };
    expect(controlPlane.notices).toEqual([arrivingPath, leavingPath].map((path) => ({ path, ...told })));
    expect(await consul.get("/health/service/orders")).toEqual([]);
    expect(isAlive({ pid: pids.envoy ?? 0, startTime: "", boot: "" })).toBe(false);
    expect(readRecord(join(agent.directory, "state", "envoy.json"))).toBeUndefined();
  });

  it("does not wait any longer after a second SIGTERM", { timeout: 90_000 }, async () => {
    const agent = await start({ drain: { wait: "60s" } });
    await agent.ready();
    agent.signal("SIGTERM");
    await until("it is draining", async () => (await agent.status()).state === "draining");
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(7);
    expect(agent.events().some(({ event, outcome }) => event === "leave.step" && outcome === "hurried")).toBe(true);
  });

  it("is critical while a killed Envoy is away, and passes again with a new one beside the same service", { timeout: 90_000 }, async () => {
    const agent = await start();
    const { pids } = await agent.ready();
    process.kill(pids.envoy ?? 0, "SIGKILL");
    await until("it is critical", async () => (await httpCheck()) === "critical");
    await until("it passes again", async () => (await httpCheck()) === "passing");
    const again = await until("a new Envoy", async () => {
      const ready = await agent.ready();
      return ready.pids.envoy !== undefined && ready.pids.envoy !== pids.envoy && ready;
    });
    expect(again.pids.app).toBe(pids.app);
    expect(await through(agent, "/")).toEqual({ status: 200, body: "orders-1" });
  });

  it("replaces an Envoy that lives and does not answer, and is critical meanwhile", { timeout: 90_000 }, async () => {
    const agent = await start({ envoy: { ...envoyConfig.envoy, answerWithin: "3s" } });
    const { pids } = await agent.ready();
    process.kill(pids.envoy ?? 0, "SIGSTOP");
    await until("it is critical", async () => (await httpCheck()) === "critical");
    const again = await until("a new Envoy that serves", async () => {
      const { serving, pids: now } = await agent.status();
      return serving && now.envoy !== pids.envoy && now;
    });
    expect(again.app).toBe(pids.app);
    expect(agent.events().find(({ event }) => event === "envoy.silent")).toMatchObject({ envoyPid: pids.envoy });
    expect(await through(agent, "/")).toEqual({ status: 200, body: "orders-1" });
  });

  it("is let go by its agent on SIGUSR2: service and Envoy go on, and the next agent takes both over", { timeout: 90_000 }, async () => {
    const agent = await start({ heartbeat: "10s" });
    const { pids } = await agent.ready();
    const checks = async () => await consul.get<{ CheckID: string; ModifyIndex: number }[]>("/health/checks/orders");
    const before = await checks();
    agent.signal("SIGUSR2");
    expect(await agent.exited()).toBe(0);
    expect(await through(agent, "/")).toEqual({ status: 200, body: "orders-1" });
    agent.start(controlPlane.flags);
    const again = await agent.ready();
    expect([again.pids.app, again.pids.envoy]).toEqual([pids.app, pids.envoy]);
    await until("the new agent's heartbeat", async () => (await agent.status()).consul.lastHeartbeat !== undefined);
    expect(await checks()).toEqual(before);
  });

  it("dies without harm: requests go on, and the next agent adopts service and Envoy while nothing blinks in Consul", {
    timeout: 90_000,
  }, async () => {
    const agent = await start({ heartbeat: "10s" });
    const { pids } = await agent.ready();
    const checks = async () => await consul.get<{ CheckID: string; ModifyIndex: number }[]>("/health/checks/orders");
    const before = await checks();
    agent.signal("SIGKILL");
    await agent.exited();
    expect((await through(agent, "/")).status).toBe(200);
    agent.start(controlPlane.flags);
    const again = await agent.ready();
    expect([again.pids.app, again.pids.envoy]).toEqual([pids.app, pids.envoy]);
    await until("the new agent's heartbeat", async () => (await agent.status()).consul.lastHeartbeat !== undefined);
    expect(await checks()).toEqual(before);
    expect((await through(agent, "/")).status).toBe(200);
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(0);
    expect(
      agent
        .events()
        .filter(({ event }) => event === "leave.step")
        .at(-1),
    ).toMatchObject({ step: "7", outcome: "stopped" });
  });

  it("killed while it drains, leaves nothing half done: its successor puts the same service back into traffic", {
    timeout: 90_000,
  }, async () => {
    const agent = await start();
    const { pids } = await agent.ready();
    expect((await agent.post("/drain")).status).toBe(200);
    agent.signal("SIGKILL");
    await agent.exited();
    agent.start(controlPlane.flags);
    const again = await agent.ready();
    expect(again.pids.app).toBe(pids.app);
    expect(again.pids.envoy).not.toBe(pids.envoy);
    const maintenance = (await consul.get<{ CheckID: string }[]>("/health/checks/orders")).filter(({ CheckID }) => CheckID.startsWith("_"));
    expect(maintenance).toEqual([]);
    const { headers } = await fetch(`http://127.0.0.1:${agent.inbound}/`);
    expect(headers.get("connection")).not.toBe("close");
  });

  it("waits for required dependencies as its Envoy sees them, says why, and never for optional ones", { timeout: 90_000 }, async () => {
    const agent = await start({ dependencies: ["payments", "cache?"], dependencyTimeout: "300ms" });
    const waiting = await until("it waits", async () => {
      const status = await agent.status();
      return status.state === "waiting" && status.dependencies.missing.length > 0 && status;
    });
    expect(waiting.reason).toBe("Envoy has no cluster payments: no service of that name is known");
    controlPlane.setDependency("payments", false);
    await until("it sees an unhealthy one", async () => (await agent.status()).reason === "none of payments's 1 endpoints is healthy");
    await until("the limit is reported", () => agent.events().some(({ event }) => event === "service.dependency-missing"));
    expect(await consul.get("/health/service/orders")).toEqual([]);
    controlPlane.setDependency("payments", true);
    await agent.ready();
  });

  it("stays out of Consul while no control plane gives its Envoy listeners, and says so", { timeout: 90_000 }, async () => {
    const agent = await start({ zone: "z1" }, ["--control-plane-xds", "127.0.0.1:1", "--control-plane-api", "http://127.0.0.1:1"]);
    const status = await until("it waits for its configuration", async () => {
      const now = await agent.status();
      return now.reason.includes("waits for its configuration") && now;
    });
    expect(status.state).toBe("waiting");
    expect(status.reason).toContain("127.0.0.1:1");
    expect(await consul.get("/health/service/orders")).toEqual([]);
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(0);
  });

  it("obeys commands of the control plane: a restart is drained, has a fresh Envoy, and serves again", { timeout: 90_000 }, async () => {
    const agent = await start();
    const before = await agent.ready();
    await until("the agent listens", () => controlPlane.command({ replica: "r1", id: "1", kind: "check-now" }) === 1);
    controlPlane.command({ replica: "r1", id: "2", kind: "restart" });
    await until("the new process serves", async () => {
      const { serving, pids } = await agent.status();
      return serving && pids.app !== before.pids.app && pids.envoy !== before.pids.envoy;
    });
    expect((await through(agent, "/")).status).toBe(200);
    expect((await agent.status()).restartCount).toBe(1);
  });

  it("writes a bootstrap without stats sinks, with delta ADS and the node in the first message only", { timeout: 90_000 }, async () => {
    const agent = await start();
    await agent.ready();
    const bootstrap = JSON.parse(readFileSync(join(agent.directory, "state", "envoy-bootstrap.json"), "utf8"));
    expect(bootstrap.statsSinks).toBeUndefined();
    expect(bootstrap.dynamicResources.adsConfig).toMatchObject({ apiType: "DELTA_GRPC", setNodeOnFirstMessageOnly: true });
    expect(bootstrap.dynamicResources.ldsConfig.initialFetchTimeout).toBe("0s");
  });
});
