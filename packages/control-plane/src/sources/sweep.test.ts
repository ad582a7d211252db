import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, test } from "vitest";
import { createSweep } from "./sweep.js";

/** A sweep over `a`…`f` whose probes take 10 ms each, two at once. */
function setUp(hot: string[] = []) {
  const clock = createTestClock();
  const asked: string[] = [];
  const failures: string[] = [];
  let broken = 0;
  const sweep = createSweep({
    names: () => ["a", "b", "c", "d", "e", "f"],
    hot: () => hot,
    async probe(name, signal) {
      asked.push(name);
      await clock.sleep(10, signal);
      if (broken-- > 0) throw new Error("500");
    },
    onError: (error, retryInMs) => void failures.push(`${(error as Error).message} +${retryInMs}`),
    clock,
    concurrency: 2,
    every: 60_000,
    random: () => 0.5,
  });
  return {
    clock,
    sweep,
    failures,
    asked: () => asked.splice(0).join(""),
    fail: (times: number) => {
      broken = times;
    },
  };
}

describe("a sweep", () => {
  test("asks all services when it is resumed, and again after its period", async () => {
    const { clock, sweep, asked } = setUp();
    sweep.wake();
    await clock.advance(1_000);
    expect(asked()).toBe("");
    sweep.resume();
    await clock.advance(30);
    expect(asked()).toBe("abcdef");
    await clock.advance(59_999);
    expect(asked()).toBe("");
    await clock.advance(31);
    expect(asked()).toBe("abcdef");
  });

  test("asks the hot services at once at a wake, and all of them after a rest as long as the last sweep", async () => {
    const { clock, sweep, asked } = setUp(["e", "d"]);
    sweep.resume();
    await clock.advance(30);
    asked();
    sweep.wake();
    expect(asked()).toBe("ed");
    await clock.advance(29);
    expect(asked()).toBe("");
    await clock.advance(1);
    expect(asked()).toBe("ab");
  });

  test("a wake in its midst puts the hot services first and lets another sweep follow", async () => {
    const { clock, sweep, asked } = setUp(["a", "f"]);
    sweep.resume();
    await clock.advance(10);
    expect(asked()).toBe("abcd");
    sweep.wake();
    await clock.advance(20);
    expect(asked()).toBe("afe");
    await clock.advance(200);
    expect(asked()).toBe("abcdef");
    await clock.advance(1_000);
    expect(asked()).toBe("");
  });

  test("many wakes cost no more than half of the time", async () => {
    const { clock, sweep, asked } = setUp();
    sweep.resume();
    for (let i = 0; i < 600; i++) {
      sweep.wake();
      await clock.advance(1);
    }
    expect(asked().length).toBeLessThanOrEqual(6 * 11);
  });

  test("that breaks off starts over, later each time", async () => {
    const { clock, sweep, asked, fail, failures } = setUp();
    fail(3);
    sweep.resume();
    await clock.advance(10);
    expect(failures).toEqual(["500 +100"]);
    expect(asked()).toBe("ab");
    await clock.advance(1_000);
    expect(failures).toEqual(["500 +100", "500 +200", "500 +400"]);
    expect(asked().endsWith("abcdef")).toBe(true);
  });

  test("asks nothing more once paused", async () => {
    const { clock, sweep, asked } = setUp(["a"]);
    sweep.resume();
    await clock.advance(10);
    sweep.pause();
    asked();
    sweep.wake();
    await clock.advance(100_000);
    expect(asked()).toBe("");
    expect(clock.pending).toBe(0);
  });
});
