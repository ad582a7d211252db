import { leavingLimit, maintenanceCheckId } from "@legation/contract";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { instance, serviceOf } from "../testing/catalog.js";
import { createLeavingNotices } from "./leaving.js";

function scene() {
  const clock = createTestClock();
  const expired: string[] = [];
  const notices = createLeavingNotices(clock, (service, key) => expired.push(`${service} ${key}`));
  notices.add({ node: "n1", id: "o1", service: "orders" });
  return { clock, expired, notices };
}

test("only the instance that said so is leaving, and other services stay the same value", () => {
  const { notices } = scene();
  const marked = notices.apply(serviceOf("orders", "o1", "o2"));
  expect(marked.instances.map((i) => i.leaving)).toEqual([true, undefined]);
  const web = serviceOf("web", "o1");
  expect(notices.apply(web)).toBe(web);
});

test("the same id on another node is another instance", () => {
  const { notices } = scene();
  const other = instance("orders", "o1", { node: "n2" });
  expect(notices.apply({ name: "orders", instances: [instance("orders", "o1"), other] }).instances[1]).toBe(other);
});

const check = (id: string, status: "critical" | "warning") => ({ id, name: id, status, output: "" });
test.each([
  ["maintenance", { checks: [check(maintenanceCheckId("o1"), "critical")] }],
  ["a critical check", { checks: [check("app", "critical")] }],
])("%s in Consul takes the notice over, so that its end is the end of the drain", (_what, change) => {
  const { notices } = scene();
  const shown = { name: "orders", instances: [instance("orders", "o1", change)] };
  expect(notices.apply(shown)).toBe(shown);
  const back = serviceOf("orders", "o1");
  expect(notices.apply(back)).toBe(back);
  expect(notices.size).toBe(0);
});

test("an instance that is gone takes its notice with it", () => {
  const { clock, notices } = scene();
  notices.apply({ name: "orders", instances: [] });
  expect(notices.apply(serviceOf("orders", "o1")).instances[0]?.leaving).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test("a warning does not end the notice", () => {
  const { notices } = scene();
  const warned = { name: "orders", instances: [instance("orders", "o1", { checks: [check("app", "warning")] })] };
  expect(notices.apply(warned).instances[0]?.leaving).toBe(true);
});

test("a notice that Consul never confirms runs out once", async () => {
  const { clock, expired, notices } = scene();
  await clock.advance(leavingLimit - 1);
  expect(expired).toEqual([]);
  await clock.advance(1);
  expect(expired).toEqual(["orders n1/o1"]);
  expect(notices.apply(serviceOf("orders", "o1")).instances[0]?.leaving).toBeUndefined();
});

test("a second notice of the same instance starts the limit anew", async () => {
  const { clock, expired, notices } = scene();
  await clock.advance(leavingLimit - 1);
  expect(notices.add({ node: "n1", id: "o1", service: "orders" })).toBe(false);
  await clock.advance(leavingLimit - 1);
  expect(expired).toEqual([]);
  notices.stop();
  expect(clock.pending).toBe(0);
});
