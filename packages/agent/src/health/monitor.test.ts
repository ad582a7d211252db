import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { createMonitor, type Rhythm } from "./monitor.js";
import type { Probe, ProbeResult } from "./probe.js";
import type { Outcome } from "./verdict.js";

const verdict = (message = "passes") => ({ level: "HEALTHY" as const, failures: 0, successes: 5, message });

function scene(rhythm: Partial<Rhythm> = {}, random = () => 0.5) {
  const clock = createTestClock();
  const waiting: ((result: ProbeResult) => void)[] = [];
  const levels: string[] = [];
  let cancelled = 0;
  const probe: Probe = {
    kind: "http",
    target: "GET x",
    look: () => ({
      result: new Promise((resolve) => waiting.push(resolve)),
      cancel: () => {
        cancelled += 1;
      },
    }),
    close() {},
  };
  const monitor = createMonitor({
    name: "web",
    probe,
    thresholds: { failure: 3, recovery: 2 },
    rhythm: { interval: 1_000, startInterval: 100, timeout: 500, initialDelay: 0, jitter: 0, ...rhythm },
    clock,
    random,
    onResult: (_result, state) => levels.push(`${state.level}: ${state.message}`),
  });
  const answer = async (outcome: Outcome, message: string = outcome) => {
    waiting.shift()?.({ outcome, message });
    await clock.advance(0);
  };
  return { clock, waiting, levels, monitor, answer, cancelled: () => cancelled };
}

describe("a health monitor", () => {
  it("looks often while nothing is known, and at its interval afterwards", async () => {
    const { clock, waiting, monitor, answer } = scene();
    monitor.begin();
    await answer("fail");
    await clock.advance(100);
    await answer("pass");
    await clock.advance(100);
    await answer("pass");
    expect(monitor.state.level).toBe("HEALTHY");
    await clock.advance(999);
    expect(waiting).toHaveLength(0);
    await clock.advance(1);
    expect(waiting).toHaveLength(1);
  });

  it("waits the initial delay for what has been started, and none for what was adopted", async () => {
    const { clock, waiting, monitor } = scene({ initialDelay: 300 });
    monitor.begin();
    await clock.advance(299);
    expect(waiting).toHaveLength(0);
    await clock.advance(1);
    expect(waiting).toHaveLength(1);
    const adopted = scene({ initialDelay: 300 });
    adopted.monitor.begin(verdict());
    expect(adopted.waiting).toHaveLength(1);
    expect(adopted.monitor.state).toMatchObject({ level: "HEALTHY", successes: 5 });
  });

  it.each([
    [0, 900],
    [1, 1_100],
    [0.5, 1_000],
  ])("moves the next look by chance %d within the jitter", async (chance, period) => {
    const { clock, waiting, monitor, answer } = scene({ jitter: 0.1 }, () => chance);
    monitor.begin(verdict());
    await answer("pass");
    await clock.advance(period - 1);
    expect(waiting).toHaveLength(0);
    await clock.advance(1);
    expect(waiting).toHaveLength(1);
  });

  it("never looks twice at once, whoever asks", async () => {
    const { waiting, monitor, answer } = scene();
    monitor.begin();
    const [a, b] = [monitor.checkNow(), monitor.checkNow()];
    expect(waiting).toHaveLength(1);
    await answer("pass");
    expect(await a).toBe(await b);
  });

  it("cuts a look off at its limit, counts it as failed, and looks again only when it has ended", async () => {
    const { clock, waiting, levels, monitor, answer, cancelled } = scene();
    monitor.begin(verdict());
    await clock.advance(500);
    expect(cancelled()).toBe(1);
    expect(monitor.state).toMatchObject({ level: "DEGRADED", failures: 1, last: { responseTimeMs: 500 } });
    expect(levels).toEqual(["DEGRADED: GET x did not answer within 500 ms"]);
    await clock.advance(1_000);
    expect(waiting).toHaveLength(1);
    expect(monitor.state).toMatchObject({ failures: 2, last: { message: "GET x cannot be checked: the check before does not end" } });
    await clock.advance(500);
    expect(waiting).toHaveLength(1);
    await answer("pass", "too late");
    expect(waiting).toHaveLength(1);
    await answer("pass");
    expect(monitor.state).toMatchObject({ level: "HEALTHY", message: "pass" });
    expect(clock.pending).toBe(1);
  });

  it("does not count the failures of a start, and keeps the message of the change", async () => {
    const { clock, monitor, answer, levels } = scene();
    monitor.begin();
    for (let i = 0; i < 5; i++) {
      await answer("fail", `no ${i}`);
      await clock.advance(100);
    }
    expect(monitor.state.level).toBe("UNKNOWN");
    await answer("pass");
    await clock.advance(100);
    await answer("pass");
    await clock.advance(1_000);
    for (const message of ["first", "second", "third", "fourth"]) {
      await answer("fail", message);
      await clock.advance(1_000);
    }
    expect(levels.slice(-4)).toEqual(["DEGRADED: first", "DEGRADED: first", "UNHEALTHY: third", "UNHEALTHY: third"]);
  });

  it("keeps the last document that it was given, and the output of the change", async () => {
    const { clock, monitor, waiting } = scene();
    monitor.begin(verdict());
    waiting.shift()?.({ outcome: "warn", message: "says degraded", output: "tired", document: { status: "degraded" } });
    await clock.advance(1_000);
    waiting.shift()?.({ outcome: "fail", message: "refused", output: "gone" });
    await clock.advance(0);
    expect(monitor.state).toMatchObject({
      level: "DEGRADED",
      message: "says degraded",
      output: "tired",
      document: { status: "degraded" },
      last: { output: "gone" },
    });
  });

  it("gives a look up at a pause, and begins again without waiting for the interval", async () => {
    const { clock, monitor, waiting, levels, answer, cancelled } = scene();
    monitor.begin(verdict());
    const asked = monitor.checkNow();
    monitor.pause();
    expect((await asked).outcome).toBe("fail");
    expect([cancelled(), monitor.state.level, levels.length]).toEqual([1, "UNKNOWN", 0]);
    monitor.begin();
    expect(waiting).toHaveLength(1);
    await answer("fail", "of the life before");
    expect(waiting).toHaveLength(1);
    await answer("pass");
    expect(levels).toEqual(["UNKNOWN: GET x was not checked yet"]);
    monitor.close();
    expect(clock.pending).toBe(0);
  });
});
