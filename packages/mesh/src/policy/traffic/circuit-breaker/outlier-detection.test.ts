import { toJson } from "@legation/envoy-api";
import { OutlierDetectionSchema } from "@legation/envoy-api/envoy/config/cluster/v3/outlier_detection";
import { describe, expect, it } from "vitest";
import { writtenPolicies } from "../../../proof/written-policies.js";
import { trafficTo } from "../traffic-policies.js";
import { outlierDetection } from "./outlier-detection.js";

/** What Envoy gets of a breaker, where the mesh has another one below it. */
function detection(breaker: string, mesh = "{}"): Record<string, unknown> {
  const document = (kind: string, name: string, text: string) =>
    `---\napiVersion: legation/v1\nkind: ${kind}\nname: ${name}\ncircuitBreaker: ${text}\n`;
  const policies = writtenPolicies(document("MeshDefaults", "mesh", mesh) + document("Service", "orders", breaker));
  const { settings } = trafficTo({ name: "orders", instances: [] }, policies);
  return toJson(OutlierDetectionSchema, outlierDetection(settings.circuitBreaker)) as Record<string, unknown>;
}

describe("failures in a row", () => {
  it("eject as failureThreshold says, each kind as its own word says, and not at all at 0", () => {
    expect(detection("{ failureThreshold: 7 }")).toMatchObject({
      consecutive5xx: 7,
      consecutiveGatewayFailure: 7,
      consecutiveLocalOriginFailure: 7,
    });
    expect(detection("{ consecutive: { serverErrors: 0, gatewayErrors: 2 } }")).toMatchObject({
      enforcingConsecutive5xx: 0,
      consecutiveGatewayFailure: 2,
      enforcingConsecutiveGatewayFailure: 100,
      consecutiveLocalOriginFailure: 5,
    });
  });

  it("of a narrower policy's threshold are not those of a wider policy's kinds", () => {
    const mesh = "{ consecutive: { gatewayErrors: 2 } }";
    expect(detection("{ consecutive: { localOrigin: 3 } }", mesh)).toMatchObject({
      consecutiveGatewayFailure: 2,
      consecutiveLocalOriginFailure: 3,
    });
    expect(detection("{ failureThreshold: 8 }", mesh)).toMatchObject({ consecutiveGatewayFailure: 8 });
  });
});

describe("shares", () => {
  it("are not judged unless asked, and then of responses and of failures to reach an instance alike", () => {
    expect(detection("{}")).not.toHaveProperty("enforcingFailurePercentage");
    expect(detection("{ failurePercentage: { threshold: 30% } }")).toMatchObject({
      enforcingFailurePercentage: 100,
      enforcingFailurePercentageLocalOrigin: 100,
      failurePercentageThreshold: 30,
      failurePercentageMinimumHosts: 1,
      enforcingSuccessRate: 0,
    });
    expect(detection("{ successRate: {} }")).toMatchObject({
      enforcingSuccessRate: 100,
      enforcingLocalOriginSuccessRate: 100,
      successRateStdevFactor: 1900,
    });
    expect(detection("{ successRate: { enforce: 0 } }", "{ successRate: {} }")).toMatchObject({ enforcingSuccessRate: 0 });
  });

  it("are refused where they could never eject", () => {
    expect(() => detection("{ successRate: { minimumHosts: 4 } }")).toThrow(
      "circuitBreaker.successRate.minimumHosts: of 4 instances none is ever 1.9 standard deviations from the mean. Use at least 5, or a smaller stdevFactor",
    );
    expect(() => detection("{ successRate: { minimumHosts: 4, stdevFactor: 1.7 } }")).not.toThrow();
  });
});

describe("times", () => {
  it("have six sweeps in a recovery timeout, and no longer window for shares than was asked for", () => {
    expect(detection("{ recoveryTimeout: 30s }")).toMatchObject({ interval: "5s", baseEjectionTime: "30s" });
    expect(detection("{ recoveryTimeout: 30s, monitoringPeriod: 2s }")).toMatchObject({ interval: "5s" });
    expect(detection("{ recoveryTimeout: 30s, monitoringPeriod: 2s, failurePercentage: {} }")).toMatchObject({ interval: "2s" });
    expect(detection("{ recoveryTimeout: 30s, failurePercentage: {} }")).toMatchObject({ interval: "5s" });
    expect(detection("{ recoveryTimeout: 30s, interval: 1s }")).toMatchObject({ interval: "1s" });
  });

  it("end an ejection within the longest, which is never shorter than the first", () => {
    expect(detection("{ recoveryTimeout: 10m }")).not.toHaveProperty("maxEjectionTime");
    expect(detection("{ maxEjectionTime: 2m, ejectionJitter: 1s }")).toMatchObject({
      maxEjectionTime: "120s",
      maxEjectionTimeJitter: "1s",
    });
    expect(detection("{ recoveryTimeout: 3m }", "{ maxEjectionTime: 2m }")).toMatchObject({ maxEjectionTime: "180s" });
  });
});

describe("how many are ejected", () => {
  it("follows what is to become of the last one, unless it is said", () => {
    expect(detection("{}")).toMatchObject({ maxEjectionPercent: 99 });
    expect(detection("{ whenAllFail: fail-fast }")).toMatchObject({ maxEjectionPercent: 100 });
    expect(detection("{ maxEjection: 30% }")).toMatchObject({ maxEjectionPercent: 30 });
  });

  it.each([
    ["{ whenAllFail: fail-fast, maxEjection: 50% }", "circuitBreaker.maxEjection: leaves instances in that fail"],
    ["{ recoveryTimeout: 3m, maxEjectionTime: 2m }", "circuitBreaker.maxEjectionTime: is shorter than recoveryTimeout (3m)"],
    ["{ recoveryTimeout: 3s, interval: 5s }", "circuitBreaker.interval: is longer than recoveryTimeout (3s)"],
  ])("is refused as %s", (breaker, message) => {
    expect(() => detection(breaker)).toThrow(message);
  });
});
