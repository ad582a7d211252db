import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { SecurityReport } from "./events.js";
import { createRefusedCalls, refusedPairsApart, refusedWithinMs } from "./refused-calls.js";

function setUp(perMinute: number) {
  const clock = createTestClock();
  const told: SecurityReport[] = [];
  return { clock, told, refused: createRefusedCalls({ perMinute, events: { report: (report) => told.push(report) }, clock }) };
}
const denied = (count: number, caller = "web") => ({ service: "orders", denied: [{ caller, rule: "default", count }] });

test("refused calls of one caller are summed over the instances of a service, and are an event from the rate on", async () => {
  const { clock, told, refused } = setUp(30);
  refused.add(denied(15));
  refused.add({ service: "orders" });
  await clock.advance(10_000);
  refused.add(denied(14));
  refused.add(denied(14, "admin"));
  expect(told).toEqual([]);
  refused.add(denied(1));
  expect(told).toEqual([
    {
      kind: "service-calls-denied",
      subject: "web=>orders",
      message: "intentions refused web 30 times at orders within 60 s, last by default",
      detail: { caller: "web", service: "orders", rule: "default", calls: 30 },
    },
  ]);
});

test("a caller below the rate is none, however long it goes on", async () => {
  const { clock, told, refused } = setUp(30);
  for (let i = 0; i < 20; i++) {
    refused.add(denied(29));
    await clock.advance(refusedWithinMs);
  }
  expect(told).toEqual([]);
});

test("what is counted is bounded: of too many callers those that began first are forgotten", () => {
  const { told, refused } = setUp(2);
  refused.add(denied(1, "first"));
  for (let i = 0; i < refusedPairsApart; i++) refused.add(denied(1, `caller-${i}`));
  refused.add(denied(1, "first"));
  expect(told).toEqual([]);
  refused.add(denied(1, "caller-500"));
  expect(told.map(({ subject }) => subject)).toEqual(["caller-500=>orders"]);
});
