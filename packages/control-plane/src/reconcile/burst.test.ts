import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { burstWindow, createBurst } from "./burst.js";

function scene() {
  const clock = createTestClock();
  const published: number[] = [];
  const burst = createBurst(clock, () => published.push(clock.monotonic()));
  return { clock, published, burst };
}

test("a lone change is published in the same tick, with all that came in it", async () => {
  const { published, burst } = scene();
  burst.request();
  burst.request();
  expect(published).toEqual([]);
  await Promise.resolve();
  expect(published).toEqual([0]);
});

test("changes that keep coming are published once per window, and the window grows to its bound", async () => {
  const { clock, published, burst } = scene();
  for (let ms = 0; ms < 1_000; ms++) {
    burst.request();
    await clock.advance(1);
  }
  const gaps = published.slice(1).map((at, i) => at - (published[i] ?? 0));
  expect(gaps.slice(0, 4)).toEqual([10, 20, 40, 80]);
  expect(Math.max(...gaps)).toBe(burstWindow.most);
});

test("after a quiet window the next change goes out at once again", async () => {
  const { clock, published, burst } = scene();
  burst.request();
  await clock.advance(burstWindow.first);
  await clock.advance(500);
  burst.request();
  await Promise.resolve();
  expect(published).toEqual([0, 510]);
  expect(clock.pending).toBe(1);
});

test("flush publishes what waits, and a stopped gate publishes nothing", async () => {
  const { clock, published, burst } = scene();
  burst.request();
  burst.flush();
  expect(published).toEqual([0]);
  burst.request();
  burst.stop();
  await clock.advance(1_000);
  expect(published).toEqual([0]);
});
