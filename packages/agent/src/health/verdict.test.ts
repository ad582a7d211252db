import { describe, expect, it } from "vitest";
import { judge, unknownVerdict, type Verdict, worst } from "./verdict.js";

const thresholds = { failure: 3, recovery: 2 };
const levels = (word: string, from: Verdict = unknownVerdict) => {
  let verdict = from;
  return [...word].map((letter) => {
    verdict = judge(verdict, letter === "+" ? "pass" : letter === "~" ? "warn" : "fail", thresholds);
    return verdict.level;
  });
};

describe("the verdict on a service's health", () => {
  it("is unknown until the recovery threshold passes", () => {
    expect(levels("+-++")).toEqual(["UNKNOWN", "UNKNOWN", "UNKNOWN", "HEALTHY"]);
  });
  it("is degraded by one or two failures, unhealthy by three", () => {
    expect(levels("++---").slice(1)).toEqual(["HEALTHY", "DEGRADED", "DEGRADED", "UNHEALTHY"]);
  });
  it("leaves degraded by one success and unhealthy only by the recovery threshold", () => {
    expect(levels("++-+").at(-1)).toBe("HEALTHY");
    expect(levels("++---+-++").slice(5)).toEqual(["UNHEALTHY", "UNHEALTHY", "UNHEALTHY", "HEALTHY"]);
  });
  it("is degraded while the service says so, and healthy with the first pass after it", () => {
    expect(levels("++~~+").slice(1)).toEqual(["HEALTHY", "DEGRADED", "DEGRADED", "HEALTHY"]);
    expect(levels("~~")).toEqual(["UNKNOWN", "DEGRADED"]);
    expect(levels("++~---~~").slice(2)).toEqual(["DEGRADED", "DEGRADED", "DEGRADED", "UNHEALTHY", "UNHEALTHY", "DEGRADED"]);
  });
  it("is unhealthy when a fresh service fails three times", () => {
    expect(levels("---").at(-1)).toBe("UNHEALTHY");
  });
  it("is as bad as the worst of several checks", () => {
    expect(worst(["HEALTHY", "DEGRADED"])).toBe("DEGRADED");
    expect(worst(["HEALTHY", "UNKNOWN", "DEGRADED"])).toBe("UNKNOWN");
    expect(worst(["UNKNOWN", "UNHEALTHY"])).toBe("UNHEALTHY");
    expect(worst([])).toBe("UNKNOWN");
  });
});
