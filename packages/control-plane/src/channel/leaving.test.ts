import { leavingLimit, maintenanceCheckId } from "@legation/contract";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { instance, serviceOf } from "../testing/catalog.js";
import { createLeavingNotices, leavingHold } from "./leaving.js";

function scene() {
  const clock = createTestClock();
  const expired: string[] = [];
  const evidence = { answers: true, atWork: false };
  const notices = createLeavingNotices(
    clock,
    { consulAnswers: () => evidence.answers, atWork: (key) => key === "n1/o1" && evidence.atWork },
    (service, key) => expired.push(`${service} ${key}`),
  );
  const leaving = () => notices.apply(serviceOf("orders", "o1")).instances[0]?.leaving;
  notices.add({ node: "n1", id: "o1", service: "orders" });
  return { clock, evidence, expired, leaving, notices };
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
  ["that has lapsed", "heartbeat", "TTL expired"],
  ["of which a restarted Consul knows nothing", "legation:o1:heartbeat", ""],
])("a heartbeat %s takes no notice over: Consul may have heard nobody's", (_what, id, output) => {
  const { notices } = scene();
  const lapsed = { ...check(id, "critical"), output };
  const silent = { name: "orders", instances: [instance("orders", "o1", { checks: [lapsed] })] };
  expect(notices.apply(silent).instances[0]?.leaving).toBe(true);
});

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

test("a notice that Consul does not confirm runs out once when its agent is at work after all", async () => {
  const { clock, evidence, expired, leaving } = scene();
  evidence.atWork = true;
  await clock.advance(leavingLimit - 1);
  expect([leaving(), expired]).toEqual([true, []]);
  await clock.advance(1);
  expect([leaving(), expired]).toEqual([undefined, ["orders n1/o1"]]);
});

test("a notice holds while Consul is away, and then until the heartbeats that nobody sends any more have run out", async () => {
  const { clock, evidence, expired, leaving, notices } = scene();
  evidence.answers = false;
  await clock.advance(2 * leavingHold);
  expect([leaving(), expired]).toEqual([true, []]);
  evidence.answers = true;
  await clock.advance(leavingHold - leavingLimit);
  expect([leaving(), expired]).toEqual([true, []]);
  const critical = { name: "orders", instances: [instance("orders", "o1", { checks: [check("app", "critical")] })] };
  expect(notices.apply(critical)).toBe(critical);
  expect([leaving(), expired, clock.pending]).toEqual([undefined, [], 0]);
});

test("a notice of an instance that goes on passing in a Consul that answers runs out in the end", async () => {
  const { clock, expired, leaving } = scene();
  await clock.advance(leavingHold - 1);
  expect([leaving(), expired]).toEqual([true, []]);
  await clock.advance(1);
  expect([leaving(), expired, clock.pending]).toEqual([undefined, ["orders n1/o1"], 0]);
});

test("a second notice of the same instance starts the limit anew", async () => {
  const { clock, evidence, expired, notices } = scene();
  evidence.atWork = true;
  await clock.advance(leavingLimit - 1);
  expect(notices.add({ node: "n1", id: "o1", service: "orders" })).toBe(false);
  await clock.advance(leavingLimit - 1);
  expect(expired).toEqual([]);
  notices.stop();
  expect(clock.pending).toBe(0);
});
