import { expect, it } from "vitest";
import { wide } from "../testing/capture.js";
import { show } from "./proxies.js";

it("tells what a gRPC application's client does not follow, and of its calls only those that a limit stopped", () => {
  const types = [{ type: "cluster", sent: { orders: "1" }, acknowledged: { orders: "1" }, outstandingSince: null, rejected: [] }];
  const problems = [{ message: "dependency orders: gRPC clients without an Envoy do not follow retries.budgetPercent" }];
  const calls = { orders: { succeeded: 90, failed: 10, dropped: 7 }, payments: { succeeded: 5, failed: 0, dropped: 0 } };
  const shown = show({ proxies: [{ node: "m/client", service: "client", ready: true, types, problems, calls, quarantined: [] }] }, wide);
  expect(shown).toMatch(/m\/client +client +1 of 1 +up to date\n/);
  expect(shown).toContain("m/client: dependency orders: gRPC clients without an Envoy do not follow retries.budgetPercent");
  expect(shown).toContain("m/client: 7 calls to orders were dropped at its limit lately; 100 were made");
  expect(shown).not.toContain("payments");
});
