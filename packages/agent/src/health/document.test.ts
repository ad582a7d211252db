import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { complaintOf, outcomeOf, parseDocument } from "./document.js";

const whole = {
  status: "degraded",
  timestamp: "2024-01-01T00:00:00Z",
  uptime: 12.5,
  version: "1.2.3",
  memory: { used: 10, total: 40, percentage: 25 },
  dependencies: { db: true, cache: false, bus: false },
};

describe("a service's health document", () => {
  it("is read part by part", () => {
    expect(parseDocument(JSON.stringify(whole))).toEqual(whole);
    expect(parseDocument('{"status":"healthy"}')).toEqual({ status: "healthy" });
  });

  it("leaves out what is of another type", () => {
    const odd = { status: "up", uptime: "long", version: 3, memory: [1], dependencies: { db: "yes" }, timestamp: 7 };
    expect(parseDocument(JSON.stringify(odd))).toEqual({ status: "up" });
  });

  it.each(["", "OK", "[]", "{", "null", '{"status":3}', '{"service":"echo"}', '{"status":""}'])("is not %j", (body) =>
    expect(parseDocument(body)).toBeUndefined(),
  );

  it("stays small whatever the service writes", () => {
    const dependencies = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${"x".repeat(500)}${i}`, false]));
    expect(JSON.stringify(parseDocument(JSON.stringify({ status: "y".repeat(9_000), dependencies }))).length).toBeLessThan(20_000);
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => void parseDocument(body)));
  });

  it.each([
    ["healthy", "pass"],
    ["OK", "pass"],
    ["Degraded", "warn"],
    ["unhealthy", "fail"],
    ["toString", undefined],
  ])("means by %j %s", (status, outcome) => expect(outcomeOf({ status })).toBe(outcome));

  it("complains in words that stay the same", () => {
    expect(complaintOf(whole)).toBe("says degraded: without bus, cache");
    expect(complaintOf({ status: "unhealthy", dependencies: { db: true } })).toBe("says unhealthy");
  });
});
