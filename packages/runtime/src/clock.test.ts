import { expect, it, vi } from "vitest";
import { systemClock } from "./clock.js";
import { createTestClock } from "./testing.js";

it("runs timers in the order in which they fall due, each at its own time", async () => {
  const clock = createTestClock(1_000);
  const seen: [string, number][] = [];
  clock.timeout(30, () => seen.push(["late", clock.now()]));
  clock.timeout(10, () => {
    seen.push(["early", clock.now()]);
    clock.timeout(10, () => seen.push(["nested", clock.now()]));
  });
  clock.timeout(15, () => seen.push(["cancelled", clock.now()])).cancel();
  await clock.advance(29);
  expect(seen).toEqual([
    ["early", 1_010],
    ["nested", 1_020],
  ]);
  await clock.advance(1);
  expect(seen.at(-1)).toEqual(["late", 1_030]);
  expect([clock.monotonic(), clock.pending]).toEqual([30, 0]);
});

it("lets a loop of sleeps run as often as time has passed", async () => {
  const clock = createTestClock();
  let rounds = 0;
  const loop = async () => {
    for (;;) {
      await clock.sleep(100);
      rounds += 1;
    }
  };
  void loop();
  await clock.advance(1_050);
  expect(rounds).toBe(10);
});

it.each([
  ["the test clock", createTestClock()],
  ["the system's clock", systemClock],
])("ends a sleep of %s with the signal's reason", async (_name, clock) => {
  const abort = new AbortController();
  const sleep = clock.sleep(60_000, abort.signal);
  const reason = new Error("enough");
  abort.abort(reason);
  await expect(sleep).rejects.toBe(reason);
  await expect(clock.sleep(0, abort.signal)).rejects.toBe(reason);
});

it("keeps waiting when a time is longer than one of Node's timers can hold", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const fn = vi.fn();
    const days = 24 * 3_600_000;
    systemClock.timeout(60 * days, fn);
    vi.advanceTimersByTime(60 * days - 1);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fn).toHaveBeenCalledTimes(1);
    systemClock.timeout(60 * days, fn).cancel();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

it("sleeps for real on the system's clock, and never goes back", async () => {
  const before = systemClock.monotonic();
  await systemClock.sleep(5);
  expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(4);
});
