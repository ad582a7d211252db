import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import type { Check } from "./check.js";
import { createHealth } from "./health.js";
import { checkNow, healthStatusOf } from "./health-status.js";
import type { ProbeResult } from "./probe.js";
import type { HealthRecord } from "./record.js";

const minute = 60_000;
const base = {
  target: { kind: "tcp", tcp: { host: "x", port: 1 } },
  interval: 1_000,
  startInterval: 100,
  initialDelay: 0,
  jitter: 0,
  timeout: 500,
  failureThreshold: 3,
  recoveryThreshold: 1,
} as const;

/** A service whose checks answer at once with what stands in `answers`. */
function scene(names: readonly string[], kept: HealthRecord = { history: [], verdicts: {} }, clock = createTestClock()) {
  const answers: Record<string, ProbeResult> = Object.fromEntries(names.map((name) => [name, { outcome: "pass", message: "passes" }]));
  const written: HealthRecord[] = [];
  const changes: string[] = [];
  const disk = { full: false, warnings: 0 };
  const told: string[] = [];
  const warn = ({ event }: { event: string }, text: string): void => {
    if (event === "service.health") told.push(text);
    else disk.warnings += 1;
  };
  const health = createHealth({
    checks: names.map((name): Check => ({ ...base, name })),
    probeOf: ({ name }) => ({
      kind: "tcp",
      target: name,
      look: () => ({ result: Promise.resolve(answers[name] ?? { outcome: "fail", message: "?" }), cancel() {} }),
      close() {},
    }),
    record: {
      read: () => kept,
      write: (record) => {
        if (disk.full) throw new Error("the disk is full");
        written.push(JSON.parse(JSON.stringify(record)) as HealthRecord);
      },
    },
    clock,
    random: () => 0.5,
    log: Object.assign(createLogger({ name: "test", level: "silent" }), { warn }),
    onResult: ({ check, outcome }, changed) => {
      if (changed) changes.push(`${check} ${outcome} → ${health.level}`);
    },
  });
  const say = (name: string, outcome: ProbeResult["outcome"], message: string = outcome) => {
    answers[name] = { outcome, message };
  };
  return { clock, health, written, changes, say, disk, told };
}

describe("the health of a service", () => {
  it("is as good as the worst of its checks, and tells only changes of level", async () => {
    const { clock, health, changes, say, told } = scene(["http", "db"]);
    expect([health.level, health.message]).toEqual(["UNKNOWN", "http was not checked yet"]);
    health.begin("UNKNOWN");
    await clock.advance(10_000);
    say("db", "warn", "slow");
    await clock.advance(10_000);
    expect([health.level, health.message]).toEqual(["DEGRADED", "slow"]);
    say("http", "fail", "refused");
    await clock.advance(3_000);
    expect(health.level).toBe("UNHEALTHY");
    say("http", "pass");
    say("db", "pass");
    await clock.advance(2_000);
    expect(changes).toEqual([
      "http pass → UNKNOWN",
      "db pass → HEALTHY",
      "db warn → DEGRADED",
      "http fail → DEGRADED",
      "http fail → UNHEALTHY",
      "http pass → DEGRADED",
      "db pass → HEALTHY",
    ]);
    expect(told).toEqual([
      "check db: HEALTHY → DEGRADED: slow",
      "check http: HEALTHY → DEGRADED: refused",
      "check http: DEGRADED → UNHEALTHY: refused",
    ]);
  });

  it("keeps the last 100 looks, and looks with every check when asked", async () => {
    const { clock, health, say } = scene(["http", "db"]);
    health.begin("UNKNOWN");
    await clock.advance(200_000);
    expect(health.history).toHaveLength(100);
    const times = health.history.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBe(clock.now());
    say("db", "fail", "refused");
    const report = await checkNow(health, clock.now);
    expect(report).toEqual({
      success: true,
      timestamp: new Date(clock.now()).toISOString(),
      level: "DEGRADED",
      results: [
        { check: "http", outcome: "pass", message: "passes", responseTimeMs: 0, at: report.timestamp, level: "HEALTHY" },
        { check: "db", outcome: "fail", message: "refused", responseTimeMs: 0, at: report.timestamp, level: "DEGRADED" },
      ],
    });
    expect(healthStatusOf(health)).toMatchObject({
      level: "DEGRADED",
      checks: { db: { failures: 1, message: "refused", last: { outcome: "fail" } } },
    });
  });

  it("counts its first start neither way, its later ones as down, and a degraded service as up", async () => {
    const { clock, health, say } = scene(["http"]);
    say("http", "fail");
    health.begin("UNKNOWN");
    await clock.advance(10 * minute);
    expect(health.uptime["1h"]).toEqual({ observedMs: 0 });
    say("http", "warn");
    await clock.advance(100);
    await clock.advance(15 * minute);
    health.pause();
    await clock.advance(2 * minute);
    say("http", "fail");
    health.begin("UNKNOWN");
    await clock.advance(3 * minute);
    expect(health.uptime["1h"]).toEqual({ percent: 75, observedMs: 20 * minute });
  });

  it("counts a first start that ends without a pass as down", async () => {
    const { clock, health, say } = scene(["http"]);
    say("http", "fail");
    health.pause();
    await clock.advance(minute);
    health.begin("UNKNOWN");
    await clock.advance(minute);
    health.pause();
    await clock.advance(minute);
    expect(health.uptime["1h"]).toEqual({ percent: 0, observedMs: minute });
  });

  it("writes its record seldom, soon after a change, and at the end", async () => {
    const { clock, health, written, say } = scene(["http"]);
    health.begin("UNKNOWN");
    await clock.advance(0);
    expect(written).toHaveLength(1);
    await clock.advance(9 * minute);
    expect(written).toHaveLength(2);
    for (let i = 0; i < 60; i++) {
      say("http", i % 2 === 0 ? "fail" : "pass");
      await clock.advance(1_000);
    }
    expect(written.length).toBeLessThanOrEqual(9);
    health.close();
    const last = written.at(-1);
    expect(last?.history).toHaveLength(100);
    expect(last?.verdicts).toMatchObject({ http: { level: "HEALTHY", message: "pass" } });
    expect(last?.uptime?.at).toBe(clock.now());
    expect(clock.pending).toBe(0);
  });

  it("goes on in the next agent where this one stopped", async () => {
    const clock = createTestClock();
    const before = scene(["http"], undefined, clock);
    before.health.begin("UNKNOWN");
    before.say("http", "warn", "slow");
    await clock.advance(10 * minute);
    before.health.close();
    await clock.advance(minute);
    const after = scene(["http"], before.written.at(-1), clock);
    after.say("http", "warn", "still slow");
    after.health.begin("HEALTHY");
    expect(after.health).toMatchObject({ level: "DEGRADED", message: "slow" });
    expect(after.health.history).toHaveLength(100);
    await clock.advance(10 * minute);
    expect(after.changes).toEqual([]);
    expect(after.health.uptime["1h"]).toEqual({ percent: 100, observedMs: 20 * minute });
    const fresh = scene(["http"], undefined, clock);
    fresh.health.begin("HEALTHY");
    expect(fresh.health.level).toBe("HEALTHY");
  });

  it("goes on without its record on a full disk, and says so once", async () => {
    const { clock, health, disk, written } = scene(["http"]);
    disk.full = true;
    health.begin("UNKNOWN");
    await clock.advance(20 * minute);
    expect([health.level, disk.warnings, written.length]).toEqual(["HEALTHY", 1, 0]);
    disk.full = false;
    await clock.advance(5 * minute);
    expect(written).toHaveLength(1);
  });
});
