/** Durations in little space: how true percentiles are, and that it does not matter who counted. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { DurationCounter, percentile, sum } from "./durations.js";

const ms = fc.double({ min: 0.05, max: 600_000, noNaN: true });

function counted(all: readonly number[]) {
  const counter = new DurationCounter();
  for (const one of all) counter.add(one);
  return counter.counts();
}

it("tells percentiles by nearest rank, true to 2 %", () => {
  fc.assert(
    fc.property(fc.array(ms, { minLength: 1, maxLength: 300 }), fc.constantFrom(0.5, 0.99, 1), (all, share) => {
      const exact = [...all].sort((a, b) => a - b)[Math.ceil(all.length * share) - 1] ?? 0;
      const told = percentile(counted(all), share) ?? 0;
      expect(Math.abs(told - exact) / exact).toBeLessThan(0.0201);
    }),
  );
});

it("adds up to the same in whatever parts and order the durations were counted", () => {
  fc.assert(
    fc.property(fc.array(fc.array(ms)), (parts) => {
      const whole = counted(parts.flat());
      expect(sum(parts.map(counted))).toEqual(whole);
      expect(sum([...parts].reverse().map(counted))).toEqual(whole);
    }),
  );
});

it("has no percentile of nothing, and a bounded number of buckets for whatever comes", () => {
  expect(percentile([], 0.5)).toBeUndefined();
  expect(percentile(counted([0, -1]), 0.5)).toBeCloseTo(0.05);
  const all = Array.from({ length: 10_000 }, (_, i) => 1.01 ** (i % 5_000));
  expect(counted([...all, Number.MAX_VALUE]).length).toBeLessThanOrEqual(2 * 601);
});
