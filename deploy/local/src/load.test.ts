import type { Clock } from "@legation/runtime";
import { describe, expect, it } from "vitest";
import { type Sender, startLoad } from "./load.js";
import type { Outcome } from "./tally.js";

/** Time that moves only by `advance`, which runs what is due on the way. */
function handClock(): Clock & { advance(ms: number): Promise<void>; jump(ms: number): void } {
  let now = 0;
  const timers = new Set<{ at: number; fn: () => void }>();
  const clock: Clock = {
    now: () => 1_000_000 + now,
    monotonic: () => now,
    sleep: (ms) => new Promise((resolve) => timers.add({ at: now + ms, fn: resolve })),
    timeout(ms, fn) {
      const timer = { at: now + ms, fn };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
  };
  return {
    ...clock,
    jump(ms) {
      now += ms;
    },
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        const first = [...timers].sort((a, b) => a.at - b.at)[0];
        if (!first || first.at > end) break;
        timers.delete(first);
        now = Math.max(now, first.at);
        first.fn();
        await new Promise((resolve) => setImmediate(resolve));
      }
      now = end;
    },
  };
}

const good: Outcome = { ok: true, answeredBy: ["web-1"] };

/** Answers after `ms` of the clock. */
function slowSender(clock: Clock, ms: () => number, outcome: () => Outcome = () => good): Sender {
  return {
    async send() {
      await clock.sleep(ms());
      return outcome();
    },
    close: () => undefined,
  };
}

describe("the load generator", () => {
  it("sends at its rate while nothing is answered", async () => {
    const clock = handClock();
    const load = startLoad({ sender: slowSender(clock, () => 60_000), rate: 100, clock });
    await clock.advance(999);
    expect(load.report()).toMatchObject({ due: 100, pending: 100, succeeded: 0 });
  });

  it("counts the time that the process itself was late as latency", async () => {
    const clock = handClock();
    const load = startLoad({ sender: slowSender(clock, () => 5), rate: 100, clock });
    await clock.advance(5);
    clock.jump(1_000);
    await clock.advance(200);
    const { due, latency } = load.report();
    expect(due).toBe(121);
    expect(latency.max).toBeGreaterThan(980);
  });

  it("counts successes per instance, and failures with their reason and time", async () => {
    const clock = handClock();
    let n = 0;
    const outcome = (): Outcome =>
      ++n % 4 === 0 ? { ok: false, reason: "ECONNRESET" } : { ok: true, answeredBy: ["web-1", `orders-${n % 2}`] };
    const load = startLoad({ sender: slowSender(clock, () => 1, outcome), rate: 100, clock });
    await clock.advance(395);
    const report = load.report();
    expect(report).toMatchObject({ due: 40, succeeded: 30, failed: 10, failuresByReason: { ECONNRESET: 10 } });
    expect(report.byInstance).toEqual({ "orders-0": 10, "orders-1": 20, "web-1": 30 });
    expect(report.failures[0]).toMatchObject({ at: 1_000_030, reason: "ECONNRESET" });
  });

  it("counts a stretch by when requests were due, and waits for their answers", async () => {
    const clock = handClock();
    const load = startLoad({ sender: slowSender(clock, () => 500), rate: 100, clock });
    await clock.advance(95);
    const stretch = load.stretch();
    await clock.advance(100);
    const ended = stretch.end();
    await clock.advance(1_000);
    expect(await ended).toMatchObject({ due: 10, succeeded: 10, pending: 0, durationMs: 100 });
  });

  it("fails what is due beyond the most that may be in flight", async () => {
    const clock = handClock();
    const load = startLoad({ sender: slowSender(clock, () => 60_000), rate: 100, maxInFlight: 10, clock });
    await clock.advance(195);
    expect(load.report()).toMatchObject({ due: 20, pending: 10, failuresByReason: { "too many requests in flight": 10 } });
  });

  it("takes a sender that throws for a failure", async () => {
    const clock = handClock();
    const sender: Sender = { send: () => Promise.reject(new Error("broken")), close: () => undefined };
    const load = startLoad({ sender, rate: 10, clock });
    await clock.advance(95);
    expect(load.report().failuresByReason).toEqual({ "the sender failed: Error: broken": 1 });
  });

  it("sends nothing after its stop, which waits for the answers", async () => {
    const clock = handClock();
    const load = startLoad({ sender: slowSender(clock, () => 300), rate: 100, clock });
    await clock.advance(95);
    const stopped = load.stop();
    await clock.advance(1_000);
    expect(await stopped).toMatchObject({ due: 10, succeeded: 10, pending: 0 });
  });
});
