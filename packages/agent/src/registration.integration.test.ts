import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drainingReason, maintenanceCheckId } from "@legation/contract";
import { describe, expect, it } from "vitest";
import type { AgentUnderTest } from "./testing/agent-process.js";
import { type ConsulProcess, consulVersions } from "./testing/consul-process.js";
import { useFixture } from "./testing/fixture.js";
import { until } from "./testing/until.js";

interface Entry {
  readonly Service: { readonly ID: string; readonly Port: number; readonly Meta: Record<string, string>; readonly Tags: string[] };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string; readonly Notes: string }[];
}

const fixture = useFixture();
let consul: ConsulProcess;

async function start(options: { config?: Record<string, unknown>; id?: string } = {}): Promise<AgentUnderTest> {
  const agent = await fixture.agent({ consul: consul.url, ...options });
  agent.start();
  return agent;
}

const entries = () => consul.get<Entry[]>("/health/service/orders");
const statuses = async (): Promise<Record<string, string>> => {
  const [entry] = await entries();
  return Object.fromEntries((entry?.Checks ?? []).map(({ CheckID, Status }) => [CheckID, Status]));
};
const passing = async () => {
  const all = await statuses();
  return all["legation:orders-1:http"] === "passing" && all["legation:orders-1:heartbeat"] === "passing" && all;
};

describe.each(consulVersions)("an agent beside Consul %s", (version) => {
  it("registers the service by the contract, with its checks passing, and takes it away on SIGTERM", { timeout: 60_000 }, async () => {
    consul = await fixture.consul(version);
    const agent = await start({
      config: { tags: ["a", "b"], version: "1.2.3", zone: "z1", dependencies: ["cache?"], meta: { team: "x" } },
    });
    await agent.ready();
    const [entry] = await entries();
    expect(entry?.Service).toMatchObject({
      ID: "orders-1",
      Port: agent.port,
      Tags: ["a", "b"],
      Meta: { version: "1.2.3", zone: "z1", protocol: "http", "legation-dep-0": "cache?", team: "x" },
    });
    expect(await statuses()).toMatchObject({ "legation:orders-1:http": "passing", "legation:orders-1:heartbeat": "passing" });
    const seen: string[] = [];
    agent.signal("SIGTERM");
    await until("the service is gone", async () => {
      const [now] = await entries();
      seen.push(now?.Checks.find(({ CheckID }) => CheckID === maintenanceCheckId("orders-1"))?.Notes ?? "");
      return now === undefined;
    });
    expect(seen).toContain(drainingReason);
    expect(await agent.exited()).toBe(7);
    const steps = agent.events().filter(({ event }) => event === "leave.step");
    expect(steps.map(({ step }) => step)).toEqual(["1", "2", "5", "6"]);
    expect(steps.at(-1)?.["outcome"]).toBe("gone, verified");
  });

  it("registers again, passing at once, when Consul has restarted empty, and never stops the service", { timeout: 60_000 }, async () => {
    consul = await fixture.consul(version);
    const agent = await start();
    const { pids } = await agent.ready();
    await consul.kill();
    await until("the agent has noticed", () => agent.events().some(({ event }) => event === "consul.lost"));
    expect((await agent.status()).state).toBe("running");
    await consul.start();
    await until("the service is registered again", passing);
    expect((await agent.ready()).pids.app).toBe(pids.app);
    const statusesSeen = agent.events().filter(({ event }) => event === "registrar.registered");
    expect(statusesSeen.map(({ reason }) => reason)).toEqual(["the service is ready", "Consul had lost the registration"]);
  });

  it("repairs a registration that somebody has removed, changed, or robbed of a check", { timeout: 60_000 }, async () => {
    consul = await fixture.consul(version);
    await (await start()).ready();
    await consul.put("/agent/service/deregister/orders-1");
    await until("it is back after the removal", passing);
    await consul.put("/agent/service/register", { ID: "orders-1", Name: "orders", Port: 1, Address: "127.0.0.9", Tags: ["wrong"] });
    await until("the change is repaired", async () => (await entries())[0]?.Service.Tags.length === 0 && (await passing()));
    await consul.put("/agent/check/deregister/legation:orders-1:http");
    await until("the check is back", passing);
  });

  it("is critical by its heartbeat once it is gone, and its successor adopts the service without a new start", {
    timeout: 60_000,
  }, async () => {
    consul = await fixture.consul(version);
    const agent = await start();
    const { pids } = await agent.ready();
    agent.signal("SIGKILL");
    await agent.exited();
    await until("the heartbeat has lapsed", async () => (await statuses())["legation:orders-1:heartbeat"] === "critical");
    agent.start();
    const again = await agent.ready();
    await until("it passes again", passing);
    expect(again.pids.app).toBe(pids.app);
    expect(again.pids.agent).not.toBe(pids.agent);
    expect(agent.events().filter(({ event }) => event === "service.started")).toHaveLength(1);
  });

  it("is critical in Consul as soon as the service has exited, and passing again after the restart", { timeout: 60_000 }, async () => {
    consul = await fixture.consul(version);
    const agent = await start({ config: { restart: { base: "1s" } } });
    const { pids } = await agent.ready();
    const killed = performance.now();
    process.kill(pids.app ?? 0, "SIGKILL");
    await until("it is critical", async () => (await statuses())["legation:orders-1:http"] === "critical");
    expect(performance.now() - killed).toBeLessThan(1_000);
    await until("it passes again", passing);
    expect((await agent.status()).restartCount).toBe(1);
    expect((await agent.status()).transitions.map(({ to }) => to)).toEqual(["starting", "running", "backing_off", "starting", "running"]);
  });
});

describe("two agents that claim one instance", () => {
  it("says so and does not fight, and takes over when the other one is gone", { timeout: 60_000 }, async () => {
    consul = await fixture.consul();
    const first = await start();
    await first.ready();
    const second = await start();
    const duplicate = await until("the second one has noticed", () => second.events().find(({ event }) => event === "registrar.duplicate"));
    expect(duplicate["msg"]).toMatch(/the instance id "orders-1" is registered by the agent on .*--id or SERVICE_ID/);
    expect((await entries())[0]?.Service.Port).toBe(first.port);
    expect(first.events().some(({ event }) => event === "registrar.duplicate")).toBe(false);
    first.signal("SIGTERM");
    await first.exited();
    await second.ready();
    expect((await entries())[0]?.Service.Port).toBe(second.port);
  });
});

describe("an agent and its service's health", () => {
  it("is degraded, then critical, restarts the service, and gives up after its attempts", { timeout: 60_000 }, async () => {
    consul = await fixture.consul();
    // Long enough for the warning to be seen. Starts that are to fail get little time, and none of the others does.
    const health = { http: { path: "/health" }, interval: "1s", startInterval: "50ms", recoveryThreshold: 1 };
    const agent = await start({ config: { health } });
    const reload = async (changed: Record<string, unknown>) => {
      const path = join(agent.directory, "service.yaml");
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), health: { ...health, ...changed } }));
      expect((await agent.post("/reload")).status).toBe(200);
    };
    const { pids } = await agent.ready();
    agent.setHealth(500);
    await until("a warning", async () => (await statuses())["legation:orders-1:http"] === "warning");
    await reload({ startTimeout: "500ms" });
    await until("critical", async () => (await statuses())["legation:orders-1:http"] === "critical");
    await until("the service has failed for good", async () => (await agent.status()).state === "failed");
    await reload({});
    const status = await agent.status();
    expect(status.restartCount).toBe(3);
    expect(status.pids.app).toBeUndefined();
    expect((await agent.post("/restart", {})).status).toBe(409);
    agent.setHealth(200);
    expect((await agent.post("/restart", { force: true })).status).toBe(202);
    await until("it passes again", passing);
    expect((await agent.ready()).pids.app).not.toBe(pids.app);
    expect((await agent.status()).attempts).toBe(0);
  });

  it("can be drained and undrained over its API, and restarted in between, without leaving Consul", { timeout: 60_000 }, async () => {
    consul = await fixture.consul();
    const agent = await start();
    const before = await agent.ready();
    const maintenance = maintenanceCheckId("orders-1");
    expect((await agent.post("/drain")).status).toBe(200);
    expect((await statuses())[maintenance]).toBe("critical");
    expect((await agent.status()).state).toBe("draining");
    expect((await agent.post("/undrain")).status).toBe(200);
    await until("it is out of maintenance", async () => (await statuses())[maintenance] === undefined);
    expect((await agent.post("/restart", {})).status).toBe(202);
    await until("the new process serves", async () => {
      const { serving, pids } = await agent.status();
      return serving && pids.app !== before.pids.app;
    });
    await until("it is out of maintenance", async () => (await statuses())[maintenance] === undefined && (await passing()));
  });
});
