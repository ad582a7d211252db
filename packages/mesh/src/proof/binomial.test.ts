import { expect, it } from "vitest";
import { binomialBounds } from "./binomial.js";

it("cuts off as little of the distribution as it says, and no less than that in the next count", () => {
  // 20 tosses: all alike has 2^-20 ≈ 9.5e-7 > 5e-8, so that nothing is cut off; of 30 none or all (2^-30 ≈ 9.3e-10) is, and one (2.9e-8) too.
  expect(binomialBounds(20, 0.5)).toEqual({ least: 0, most: 20 });
  expect(binomialBounds(30, 0.5)).toEqual({ least: 2, most: 28 });
});

it("is about five standard deviations to each side of many choices", () => {
  const { least, most } = binomialBounds(10_000, 0.2);
  const deviation = Math.sqrt(10_000 * 0.2 * 0.8);
  expect((2_000 - least) / deviation).toBeCloseTo(5.2, 0);
  expect((most - 2_000) / deviation).toBeCloseTo(5.4, 0);
});
