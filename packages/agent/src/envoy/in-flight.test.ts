import { expect, it } from "vitest";
import { createInFlight } from "./in-flight.js";

function scene(hasParent: boolean) {
  const figures = { count: 0, uptime: 3 };
  const runner = { hasParent };
  const admin = { inFlight: async () => figures.count, flushed: async () => figures.uptime };
  return { figures, runner, ...createInFlight({ admin, runner }) };
}

it("believes an Envoy that has nobody beside it", async () => {
  const { figures, inFlight } = scene(false);
  expect(await inFlight()).toBe(0);
  figures.count = 2;
  expect(await inFlight()).toBe(2);
});

it("believes in nothing under way only after the figures of the Envoy before have been added within this wait", async () => {
  const { figures, inFlight } = scene(true);
  expect([await inFlight(), await inFlight()]).toEqual([1, 1]);
  Object.assign(figures, { uptime: 8, count: 2 });
  expect(await inFlight()).toBe(2);
  Object.assign(figures, { uptime: 13, count: 0 });
  expect(await inFlight()).toBe(0);
});

it("asks no more when the Envoy before has ended", async () => {
  const { runner, inFlight } = scene(true);
  expect(await inFlight()).toBe(1);
  runner.hasParent = false;
  expect(await inFlight()).toBe(0);
});
