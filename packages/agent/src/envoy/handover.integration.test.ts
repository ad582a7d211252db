import { copyFileSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { systemClock } from "@legation/runtime";
import { beforeEach, describe, expect, it } from "vitest";
import { exchange } from "../http-exchange.js";
import { adoptProcess } from "../process/running.js";
import type { AgentUnderTest } from "../testing/agent-process.js";
import type { ConsulProcess } from "../testing/consul-process.js";
import type { StandIn } from "../testing/control-plane.js";
import { useFixture } from "../testing/fixture.js";
import { startSteadyLoad } from "../testing/steady-load.js";
import { until } from "../testing/until.js";

const fixture = useFixture();
let consul: ConsulProcess;
let controlPlane: StandIn;
beforeEach(async () => {
  [consul, controlPlane] = await Promise.all([fixture.consul(), fixture.controlPlane()]);
});

const envoy = { enabled: true, concurrency: 1 };

async function start(config: Record<string, unknown> = {}): Promise<AgentUnderTest> {
  const agent = await fixture.agent({ consul: consul.url, config: { envoy, drain: { wait: "100ms", limit: "1s" }, ...config } });
  agent.start(controlPlane.flags);
  return agent;
}

/** Changes the configuration file. */
function configure(agent: AgentUnderTest, change: Record<string, unknown>): void {
  const path = join(agent.directory, "service.yaml");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }));
}

/** Ends the agent alone and starts the next one. */
async function upgrade(agent: AgentUnderTest): Promise<void> {
  agent.signal("SIGUSR2");
  expect(await agent.exited()).toBe(0);
  agent.start(controlPlane.flags);
}

const eventOf = (agent: AgentUnderTest, name: string) =>
  until(name, () => agent.events().find(({ event }) => event === name)).catch((error: Error) => {
    throw new Error(`${error.message}; the agent's log:\n${agent.log()}`);
  });
const alive = (agent: AgentUnderTest, record: string) => adoptProcess(join(agent.directory, "state", record), systemClock);

describe("a hot restart of Envoy", () => {
  it("brings a new bootstrap without one failed request, and the one before ends when its time is up", { timeout: 120_000 }, async () => {
    const agent = await start();
    const { pids } = await agent.ready();
    const load = startSteadyLoad(`http://127.0.0.1:${agent.inbound}/`);
    configure(agent, { zone: "z2" });
    await upgrade(agent);
    const handed = await eventOf(agent, "envoy.handed-over");
    expect(handed).toMatchObject({ from: pids.envoy, epoch: 1 });
    await eventOf(agent, "envoy.parent-ended");
    const { answered, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(500);
    expect((await agent.status()).envoy).toMatchObject({ phase: "live", handovers: 1, restarts: 0 });
    expect(existsSync(`/proc/${pids.envoy}`)).toBe(false);
    const { baseId } = alive(agent, "envoy.json")?.record.marks ?? {};
    agent.signal("SIGTERM");
    await agent.exited();
    expect(existsSync(`/dev/shm/envoy_shared_memory_${(baseId ?? 0) * 10}`)).toBe(false);
  });

  it("ends no request of the Envoy before when the instance leaves right after it", { timeout: 120_000 }, async () => {
    const hasty = `require("node:http").createServer((request, reply) => {
      console.log("asked for " + request.url); setTimeout(() => reply.end("done"), request.url === "/long" ? 8000 : 0); }).listen(process.env.PORT, process.env.HOST);
      process.on("SIGTERM", () => process.exit(0));`;
    const agent = await start({ command: [process.execPath, "-e", hasty], drain: { wait: "100ms", limit: "20s" } });
    await agent.ready();
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path: string) => exchange(`http://127.0.0.1:${agent.inbound}${path}`, { timeoutMs: 60_000, agent: kept });
    expect(await ask("/")).toMatchObject({ status: 200 });
    configure(agent, { zone: "z2" });
    agent.signal("SIGHUP");
    await eventOf(agent, "envoy.handed-over");
    // Over the connection to the Envoy before, after the new one has asked that for its figures.
    const answer = ask("/long");
    await until("the request is under way", () => agent.events().some(({ line }) => line === "asked for /long"));
    agent.signal("SIGTERM");
    expect(await answer).toMatchObject({ status: 200, body: "done" });
    expect(await agent.exited()).toBe(0);
    kept.destroy();
  });

  it("takes up an upgraded binary at the same path", { timeout: 120_000 }, async () => {
    const agent = await start();
    const path = join(agent.directory, "envoy");
    const binary = (await agent.ready()) && alive(agent, "envoy.json")?.record.argv[0];
    copyFileSync(binary ?? "", path);
    configure(agent, { envoy: { ...envoy, binary: path } });
    await upgrade(agent);
    await eventOf(agent, "envoy.handed-over");
    await eventOf(agent, "envoy.parent-ended");
    utimesSync(path, new Date(), new Date());
    const { pids } = await agent.ready();
    await upgrade(agent);
    await until("the next handover", async () => (await agent.status().catch(() => undefined))?.pids.envoy !== pids.envoy);
    await until("the second epoch", () => agent.events().some(({ event, epoch }) => event === "envoy.handed-over" && epoch === 2));
  });

  it("is gone on with by the next agent when the one that began it is killed", { timeout: 120_000 }, async () => {
    const agent = await start({ drain: { wait: "100ms", limit: "5s" } });
    await agent.ready();
    configure(agent, { zone: "z2", drain: { wait: "100ms", limit: "5s" } });
    await upgrade(agent);
    await eventOf(agent, "envoy.handed-over");
    agent.signal("SIGKILL");
    await agent.exited();
    const [child, parent] = [alive(agent, "envoy.json"), alive(agent, "envoy-parent.json")];
    expect(parent).toBeDefined();
    agent.start(controlPlane.flags);
    expect((await agent.ready()).pids.envoy).toBe(child?.record.pid);
    await eventOf(agent, "envoy.parent-ended");
    expect(alive(agent, "envoy-parent.json")).toBeUndefined();
  });

  it("gives way to a plain restart where it is impossible", { timeout: 120_000 }, async () => {
    const agent = await start({ envoy: { ...envoy, hotRestart: false } });
    const { pids } = await agent.ready();
    configure(agent, { zone: "z2" });
    await upgrade(agent);
    expect(await eventOf(agent, "envoy.handover-impossible")).toMatchObject({ why: "it was started without hot restart" });
    await until("a new Envoy serves", async () => {
      const status = await agent.status().catch(() => undefined);
      return status?.serving && status.pids.envoy !== pids.envoy;
    });
  });

  it("gives way to a plain restart when the new Envoy does not come up", { timeout: 120_000 }, async () => {
    const agent = await start();
    const { pids } = await agent.ready();
    const binary = alive(agent, "envoy.json")?.record.argv[0];
    const path = join(agent.directory, "envoy");
    const once = `[ -e ${path}.tried ] || case "$*" in *--restart-epoch*) touch ${path}.tried; exit 1;; esac`;
    writeFileSync(path, `#!/bin/sh\n${once}\nexec ${binary} "$@"\n`, { mode: 0o755 });
    configure(agent, { envoy: { ...envoy, binary: path } });
    await upgrade(agent);
    expect(await eventOf(agent, "envoy.handover-failed")).toMatchObject({ problem: "the new Envoy ended" });
    await until("a new Envoy serves", async () => {
      const status = await agent.status().catch(() => undefined);
      return status?.serving && status.pids.envoy !== pids.envoy;
    });
    rmSync(`${path}.tried`);
  });
});
