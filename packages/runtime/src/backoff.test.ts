import { expect, it } from "vitest";
import { createBackoff } from "./backoff.js";

it("doubles from the base to the maximum, and starts over after a success", () => {
  const backoff = createBackoff({ base: 2_000, max: 10_000, jitter: 0 });
  expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([2_000, 4_000, 8_000, 10_000]);
  expect(backoff.attempts).toBe(4);
  backoff.reset();
  expect(backoff.attempts).toBe(0);
  expect(backoff.next()).toBe(2_000);
});

it("spreads every wait by the jitter both ways, also at the maximum", () => {
  const low = createBackoff({ base: 1_000, max: 1_000, random: () => 0 });
  const high = createBackoff({ base: 1_000, max: 1_000, random: () => 0.999_999 });
  expect([low.next(), low.next()]).toEqual([800, 800]);
  expect([high.next(), high.next()]).toEqual([1_200, 1_200]);
});

it("stays at the maximum however many attempts there are", () => {
  const backoff = createBackoff({ base: 100, max: 30_000, jitter: 0 });
  for (let i = 0; i < 5_000; i++) backoff.next();
  expect(backoff.next()).toBe(30_000);
});
