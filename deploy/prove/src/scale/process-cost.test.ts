import { expect, it } from "vitest";
import { processCost } from "./process-cost.js";

it("reads memory and CPU of a process that runs, and nothing of one that does not", () => {
  const cost = processCost(process.pid);
  expect(cost?.rss).toBeGreaterThan(20 * 1024 * 1024);
  expect(cost?.pss).toBeLessThanOrEqual(cost?.rss ?? 0);
  expect(cost?.cpu).toBeGreaterThan(0.05);
  expect(processCost(2 ** 22 + 1)).toBeUndefined();
});
