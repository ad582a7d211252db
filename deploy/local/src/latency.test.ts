import { describe, expect, it } from "vitest";
import { LatencyHistogram } from "./latency.js";

describe("the latency histogram", () => {
  it("knows percentiles within two percent", () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms);
    const { count, p50, p90, p99, max } = histogram.summary();
    expect(count).toBe(1_000);
    for (const [seen, wanted] of [
      [p50, 500],
      [p90, 900],
      [p99, 990],
    ] as const)
      expect(Math.abs(seen - wanted) / wanted).toBeLessThan(0.02);
    expect(max).toBe(1_000);
  });

  it("is all zero when it is empty, and keeps what lies beyond its range", () => {
    expect(new LatencyHistogram().summary()).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
    const histogram = new LatencyHistogram();
    histogram.add(0);
    histogram.add(10_000_000);
    expect(histogram.summary().max).toBe(10_000_000);
    expect(histogram.percentile(0.5)).toBeLessThan(0.1);
  });
});
