/** The health of a real service, as the built agent sees it: its checks, what it keeps over restarts, and what it tells. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CheckNowReport } from "./health/health-status.js";
import type { AgentUnderTest } from "./testing/agent-process.js";
import { useFixture } from "./testing/fixture.js";
import { until } from "./testing/until.js";

const fixture = useFixture();

/** Registered where it is given a Consul. */
function prepare(health: Readonly<Record<string, unknown>> = {}, consul?: string): Promise<AgentUnderTest> {
  return fixture.agent({
    ...(consul === undefined ? {} : { consul }),
    config: {
      discovery: consul !== undefined,
      health: {
        http: { path: "/health" },
        tcp: true,
        interval: "200ms",
        startInterval: "50ms",
        timeout: "2s",
        recoveryThreshold: 1,
        ...health,
      },
    },
  });
}

describe("the health of a service under an agent", () => {
  it("is looked at by every check when asked, with a result for each", async () => {
    const agent = await prepare({ interval: "1h", checks: [{ name: "disk", command: 'echo "91 % full"; exit 1' }] });
    agent.start();
    await agent.ready();
    const before = await agent.status();
    const report = JSON.parse((await agent.post("/check-now")).body) as CheckNowReport;
    expect(report).toMatchObject({ success: true, level: "DEGRADED" });
    expect(report.results.map(({ check, outcome, level }) => [check, outcome, level])).toEqual([
      ["http", "pass", "HEALTHY"],
      ["tcp", "pass", "HEALTHY"],
      ["disk", "warn", "DEGRADED"],
    ]);
    const { health } = await agent.status();
    expect(health.history.length).toBe(before.health.history.length + 3);
    expect(health.checks["disk"]).toMatchObject({ level: "DEGRADED", output: "91 % full", last: { outcome: "warn" } });
    expect(health.uptime["1h"].percent).toBe(100);
  });

  it("is remembered by the next agent, also after a kill -9: history, level and uptime", async () => {
    const agent = await prepare({ checks: [{ name: "flag", command: 'test ! -e "$FLAG-slow"' }] });
    agent.start();
    await agent.ready();
    writeFileSync(join(agent.directory, "health-status-slow"), "");
    await until("it is degraded", async () => (await agent.status()).health.level === "DEGRADED");
    const record = join(agent.directory, "state", "health.json");
    await until("the record holds it", () => readFileSync(record, "utf8").includes('"DEGRADED"'));
    const kept = JSON.parse(readFileSync(record, "utf8")) as { history: { at: number }[] };
    agent.signal("SIGKILL");
    await agent.exited();
    agent.start();
    await agent.ready();
    const { health, transitions } = await agent.status();
    expect(health.history.map(({ at }) => at)).toContain(new Date(kept.history.at(-1)?.at ?? 0).toISOString());
    expect(health.level).toBe("DEGRADED");
    expect(health.uptime["7d"]).toMatchObject({ percent: 100 });
    expect(health.uptime["7d"].observedMs).toBeGreaterThan(0);
    expect(transitions.map(({ to }) => to)).not.toContain("unhealthy");
  });

  it("begins anew, and says so, where garbage stands in place of its record", async () => {
    const agent = await prepare();
    agent.start();
    await agent.ready();
    agent.signal("SIGKILL");
    await agent.exited();
    writeFileSync(join(agent.directory, "state", "health.json"), "\0\0\0\0");
    agent.start();
    await agent.ready();
    expect(agent.events().find(({ event }) => event === "health.record-lost")).toMatchObject({ why: expect.stringMatching(/JSON/) });
    expect((await agent.status()).health.level).toBe("HEALTHY");
  });

  it("is down while a check hangs, and the service is restarted for it", async () => {
    const agent = await prepare({
      timeout: "200ms",
      failureThreshold: 2,
      checks: [{ name: "hang", command: 'if test -e "$FLAG-hang"; then sleep 1000; fi' }],
    });
    agent.start();
    await agent.ready();
    writeFileSync(join(agent.directory, "health-status-hang"), "");
    const failed = await until("it is restarted", async () => {
      const status = await agent.status();
      return status.transitions.some(({ to }) => to === "backing_off") && status;
    });
    const cause = failed.transitions.find(({ to }) => to === "unhealthy")?.cause;
    expect(cause).toMatch(/^command .* did not answer within 200 ms$/);
    const { health } = await agent.status();
    expect(health.uptime["1h"].percent).toBeLessThan(100);
  });

  it("leaves no check in Consul that a new configuration has no more, nor one that lapses at the old time", async () => {
    const consul = await fixture.consul();
    const agent = await prepare({}, consul.url);
    agent.start();
    await agent.ready();
    const checks = async () => {
      type Row = { readonly CheckID: string; readonly Status: string; readonly Output: string };
      const [entry] = await consul.get<{ readonly Checks: readonly Row[] }[]>("/health/service/orders");
      const own = (entry?.Checks ?? []).filter(({ CheckID }) => CheckID.startsWith("legation:"));
      return Object.fromEntries(own.map(({ CheckID, Status, Output }) => [CheckID.split(":").at(-1), `${Status} ${Output}`]));
    };
    expect(Object.keys(await checks()).sort()).toEqual(["heartbeat", "http", "tcp"]);
    agent.signal("SIGKILL");
    await agent.exited();
    const file = join(agent.directory, "service.yaml");
    const config = JSON.parse(readFileSync(file, "utf8")) as { health: object };
    writeFileSync(file, JSON.stringify({ ...config, heartbeat: "20s", health: { ...config.health, tcp: false } }));
    agent.start();
    await agent.ready();
    await until("the check is gone", async () => !("tcp" in (await checks())));
    const beat = (await agent.status()).consul.lastHeartbeat;
    // The old limit was three seconds; a check of the old kind would be critical long before the second heartbeat.
    await until("a heartbeat", async () => (await agent.status()).consul.lastHeartbeat !== beat, 40_000);
    expect(await checks()).toEqual({
      heartbeat: "passing the agent is alive",
      http: `passing HEALTHY: GET http://127.0.0.1:${agent.port}/health passes`,
    });
    expect(agent.events().filter(({ event, reason }) => event === "registrar.registered" && /Meta/.test(String(reason)))).toHaveLength(1);
  }, 90_000);
});
