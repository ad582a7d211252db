import type { CatalogService, CheckStatus } from "@legation/mesh";
import { createTestClock } from "@legation/runtime/testing";
import { expect, it } from "vitest";
import { serviceOf } from "../testing/catalog.js";
import { createCheckTimes } from "./check-times.js";

it("notes when a check was seen to change, and nothing of one that was so from the beginning, or is gone", async () => {
  const clock = createTestClock();
  let service: CatalogService | undefined;
  const times = createCheckTimes({ service: () => service, clock });
  const orders = serviceOf("orders", "o1");
  const key = `${orders.instances[0]?.node}/o1`;
  const see = (status: CheckStatus) => {
    const checks = [{ id: "http", name: "", status, output: "" }];
    service = { ...orders, instances: orders.instances.map((one) => ({ ...one, checks })) };
    times.seen(["orders"]);
    return times.since(key, "http");
  };
  expect(see("critical")).toBeUndefined();
  expect(see("passing")).toBeUndefined();
  await clock.advance(1_000);
  const since = new Date(clock.now()).toISOString();
  expect(see("critical")).toBe(since);
  await clock.advance(1_000);
  expect(see("critical")).toBe(since);
  expect(see("warning")).not.toBe(since);
  service = undefined;
  times.seen(["orders"]);
  expect(times.since(key, "http")).toBeUndefined();
});
