import type { Clock } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createUptime, type Presence } from "./uptime.js";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** A test clock whose wall can be set. */
function clockWithWall() {
  const clock = createTestClock();
  let shift = 0;
  const moved: Clock & { jump(ms: number): void } = {
    now: () => clock.now() + shift,
    monotonic: clock.monotonic,
    sleep: clock.sleep,
    timeout: clock.timeout,
    jump: (ms) => {
      shift += ms;
    },
  };
  return { clock, moved };
}

describe("uptime", () => {
  it("is the share of the observed time, and nothing where nothing was observed", async () => {
    const clock = createTestClock();
    const uptime = createUptime(clock);
    await clock.advance(hour);
    expect(uptime.windows["1h"]).toEqual({ observedMs: 0 });
    uptime.note("up");
    await clock.advance(45 * minute);
    uptime.note("down");
    await clock.advance(15 * minute);
    expect(uptime.windows["1h"]).toEqual({ percent: 75, observedMs: hour });
    expect(uptime.windows["7d"]).toEqual({ percent: 75, observedMs: hour });
  });

  it("forgets what lies before its window", async () => {
    const clock = createTestClock();
    const uptime = createUptime(clock);
    uptime.note("down");
    await clock.advance(2 * hour);
    uptime.note("up");
    await clock.advance(90 * minute);
    expect(uptime.windows["1h"]).toEqual({ percent: 100, observedMs: hour });
    expect(uptime.windows["24h"].percent).toBeCloseTo((1.5 / 3.5) * 100, 2);
    await clock.advance(7 * day);
    expect(uptime.windows["7d"].percent).toBe(100);
    expect(uptime.record.hours.length).toBeLessThanOrEqual(169);
    expect(uptime.record.minutes.length).toBeLessThanOrEqual(61);
    expect(JSON.stringify(uptime.record).length).toBeLessThan(8_000);
  });

  it("goes on in the next agent, whose predecessor's absence counts neither way", async () => {
    const clock = createTestClock();
    const before = createUptime(clock);
    before.note("up");
    await clock.advance(30 * minute);
    const record = JSON.parse(JSON.stringify(before.record));
    await clock.advance(10 * minute);
    const after = createUptime(clock, record);
    after.note("down");
    await clock.advance(10 * minute);
    expect(after.windows["1h"]).toEqual({ percent: 75, observedMs: 40 * minute });
    await clock.advance(25 * minute);
    expect(after.windows["1h"].observedMs).toBe(50 * minute);
  });

  it("does not mind a wall clock that jumps, while an agent runs or between two", async () => {
    const { clock, moved } = clockWithWall();
    const before = createUptime(moved);
    before.note("up");
    await clock.advance(10 * minute);
    moved.jump(-30 * day);
    await clock.advance(10 * minute);
    moved.jump(400 * day);
    expect(before.windows["1h"]).toEqual({ percent: 100, observedMs: 20 * minute });
    const { record } = before;
    moved.jump(-400 * day);
    const back = createUptime(moved, record);
    back.note("down");
    await clock.advance(20 * minute);
    expect(back.windows["1h"]).toEqual({ percent: 50, observedMs: 40 * minute });
    const last = back.record;
    moved.jump(3_650 * day);
    expect(createUptime(moved, last).windows["7d"]).toEqual({ observedMs: 0 });
  });

  it("adds up over any run of states, whatever the lengths", async () => {
    const step = fc.tuple(fc.constantFrom<Presence>("up", "down", "idle"), fc.integer({ min: 1, max: 20 * minute }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const clock = createTestClock();
        const uptime = createUptime(clock);
        const spent = { up: 0, down: 0, idle: 0 };
        for (const [presence, ms] of steps) {
          uptime.note(presence);
          await clock.advance(ms);
          spent[presence] += ms;
        }
        const { percent, observedMs } = uptime.windows["7d"];
        expect(observedMs).toBe(spent.up + spent.down);
        if (observedMs > 0) expect(percent).toBeCloseTo((spent.up / observedMs) * 100, 2);
        expect(uptime.windows["1h"].observedMs).toBeLessThanOrEqual(hour);
      }),
      { numRuns: 50 },
    );
  });
});
