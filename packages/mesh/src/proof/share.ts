/** A share that is measured, held against what it should be. */
import { expect } from "vitest";
import { binomialBounds } from "./binomial.js";

/** Fails when so many of `n` independent choices of probability `p` are less likely than one run in ten million. */
export function expectShare(count: number, n: number, p: number): void {
  const { least, most } = binomialBounds(n, p);
  expect(count).toBeGreaterThanOrEqual(least);
  expect(count).toBeLessThanOrEqual(most);
}
