import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { AgentUnderTest } from "./testing/agent-process.js";
import type { ConsulProcess } from "./testing/consul-process.js";
import type { StandIn } from "./testing/control-plane.js";
import { useFixture } from "./testing/fixture.js";
import { startSteadyLoad } from "./testing/steady-load.js";
import { until } from "./testing/until.js";

const fixture = useFixture();
let consul: ConsulProcess;
let controlPlane: StandIn;
beforeEach(async () => {
  [consul, controlPlane] = await Promise.all([fixture.consul(), fixture.controlPlane()]);
});

async function start(config: Record<string, unknown> = {}): Promise<AgentUnderTest> {
  const agent = await fixture.agent({ consul: consul.url, config });
  agent.start(controlPlane.flags);
  return agent;
}

/** Changes the file, sends SIGHUP, and returns what the agent said of it. */
async function change(agent: AgentUnderTest, changed: Record<string, unknown>) {
  const path = join(agent.directory, "service.yaml");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...changed }));
  const reloads = () => agent.events().filter(({ event }) => event.startsWith("agent.reload"));
  const before = reloads().length;
  agent.signal("SIGHUP");
  return await until("the reload", () => reloads()[before]);
}

interface Registered {
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
  readonly Weights: { readonly Passing: number };
}
const registered = () => consul.get<Registered>("/agent/service/orders-1");
const statuses = async () =>
  (await consul.get<{ CheckID: string; Status: string }[]>("/health/checks/orders"))
    .map(({ CheckID, Status }) => `${CheckID} ${Status}`)
    .sort();

describe("a reload", () => {
  it("changes the registration and the checks without touching the service, and names what waits", { timeout: 60_000 }, async () => {
    const agent = await start();
    const { pids } = await agent.ready();
    const said = await change(agent, {
      tags: ["blue"],
      weights: { passing: 7 },
      version: "2.0.0",
      meta: { team: "a" },
      health: { http: { path: "/health" }, tcp: true, interval: "300ms", startInterval: "50ms", recoveryThreshold: 1 },
      env: { FLAG: "elsewhere" },
      heartbeat: "2s",
    });
    expect(said).toMatchObject({ now: ["version", "tags", "meta", "weights", "health"], service: ["env"], agent: ["heartbeat"] });
    await until("the new registration", async () => (await registered()).Tags.includes("blue"));
    expect(await registered()).toMatchObject({ Tags: ["blue"], Meta: { version: "2.0.0", team: "a" }, Weights: { Passing: 7 } });
    expect(await statuses()).toEqual([
      "legation:orders-1:heartbeat passing",
      "legation:orders-1:http passing",
      "legation:orders-1:tcp passing",
    ]);
    expect((await agent.status()).pids.app).toBe(pids.app);
    expect(agent.events().filter(({ event }) => event === "service.started")).toHaveLength(1);
  });

  it("of a wrong file changes nothing, and says where and what", { timeout: 60_000 }, async () => {
    const agent = await start();
    await agent.ready();
    const said = await change(agent, { tags: ["blue"], weights: { passing: -1 } });
    expect(said).toMatchObject({ event: "agent.reload-failed" });
    expect(said["problem"]).toMatch(/service\.yaml:\d+: weights\.passing: -1 is not a whole number/);
    expect((await agent.status()).serving).toBe(true);
    expect((await registered()).Tags).toEqual([]);
  });

  it("prepares what the next restart of the service takes up", { timeout: 60_000 }, async () => {
    const agent = await start();
    const { pids } = await agent.ready();
    await change(agent, { env: { MARK: "new" } });
    const { status, body } = await agent.post("/reload");
    expect([status, JSON.parse(body)]).toEqual([200, { success: true, now: [], service: [], agent: [] }]);
    expect((await agent.post("/restart")).status).toBe(202);
    const app = await until("the new process", async () => {
      const status = await agent.status();
      return status.serving && status.pids.app !== pids.app && status.pids.app;
    });
    expect(readFileSync(`/proc/${app}/environ`, "utf8").split("\0")).toContain("MARK=new");
  });

  it("of the dependencies reaches Envoy by hot restart: no request is lost", { timeout: 90_000 }, async () => {
    const agent = await start({ envoy: { enabled: true, concurrency: 1 }, drain: { wait: "100ms", limit: "1s" } });
    const { pids } = await agent.ready();
    const load = startSteadyLoad(`http://127.0.0.1:${agent.inbound}/`);
    expect(await change(agent, { dependencies: ["payments"] })).toMatchObject({ now: ["dependencies"], agent: [] });
    await until("the handover", () => agent.events().some(({ event }) => event === "envoy.handed-over"));
    await until("the end of the Envoy before", () => agent.events().some(({ event }) => event === "envoy.parent-ended"));
    const { failures, answered } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(500);
    const status = await agent.status();
    expect(status.pids.app).toBe(pids.app);
    expect(status.pids.envoy).not.toBe(pids.envoy);
    expect(Object.values((await registered()).Meta)).toContain("payments");
  });
});
