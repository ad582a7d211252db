import type { ReportedLoad } from "@legation/contract";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { serviceOf } from "../testing/catalog.js";
import { createShares, type Shares, shareInterval } from "./shares.js";

const load = (latency: number): ReportedLoad => ({ latency, errors: 0, idle: 0 });
const orders = serviceOf("orders", "o1", "o2", "o3");

function setUp(now = 1_700_000_003_000) {
  const clock = createTestClock(now);
  const loads = new Map<string, ReportedLoad>();
  const changed: string[][] = [];
  const known = new Map([["orders", orders]]);
  const shares: Shares = createShares({
    service(name) {
      const service = known.get(name);
      // As the reconciler does, which gives services with their shares.
      if (service) shares.of(service);
      return service;
    },
    loadOf: (key) => loads.get(key),
    changed: (services) => changed.push([...services]),
    clock,
  });
  const say = (id: string, latency: number) => {
    loads.set(`n1/${id}`, load(latency));
    shares.touched("orders");
  };
  return { clock, shares, changed, known, say };
}

test("what was known before the start holds from the start, and changes come together every ten seconds of the clock", async () => {
  const { clock, shares, changed, say } = setUp();
  for (const [id, latency] of [
    ["o1", 6],
    ["o2", 6],
    ["o3", 20],
  ] as const)
    say(id, latency);
  shares.start();
  expect(Object.fromEntries(shares.of(orders))).toEqual({ "n1/o3": 5 });
  expect(changed).toEqual([["orders"]]);
  say("o3", 6);
  await clock.advance(6_999);
  expect(shares.of(orders).size).toBe(1);
  await clock.advance(1);
  expect(shares.of(orders).size).toBe(0);
  expect(changed).toEqual([["orders"], ["orders"]]);
  await clock.advance(5 * shareInterval);
  expect(changed).toHaveLength(2);
  shares.stop();
});

test("an endpoint changes its share at most once in ten seconds, whatever is said meanwhile", async () => {
  const { clock, shares, changed, say } = setUp();
  say("o1", 6);
  say("o2", 6);
  shares.start();
  for (let second = 0; second < 100; second++) {
    say("o3", second % 2 ? 6 : 20);
    await clock.advance(1_000);
  }
  expect(changed.length).toBeLessThanOrEqual(10);
  shares.stop();
});

test("two that know the same make the same of it, in the same moment, whenever they started", async () => {
  const [a, b] = [setUp(1_700_000_003_000), setUp(1_700_000_007_500)];
  for (const one of [a, b]) {
    one.shares.start();
    expect(one.shares.of(orders).size).toBe(0);
    for (const id of ["o1", "o2"]) one.say(id, 6);
    one.say("o3", 13);
  }
  expect([a.shares.of(orders).size, b.shares.of(orders).size]).toEqual([0, 0]);
  await a.clock.advance(7_000);
  await b.clock.advance(2_500);
  expect(a.clock.now()).toBe(b.clock.now());
  expect([...a.shares.of(orders)]).toEqual([...b.shares.of(orders)]);
  expect([...a.shares.of(orders)]).toEqual([["n1/o3", 5]]);
  a.shares.stop();
  b.shares.stop();
});

test("a service that the registry shows only now has its shares at once: its endpoints are given to nobody without", () => {
  const { shares, known, say } = setUp();
  known.clear();
  shares.start();
  for (const id of ["o1", "o2"]) say(id, 6);
  say("o3", 20);
  known.set("orders", orders);
  expect([...shares.of(orders)]).toEqual([["n1/o3", 5]]);
  shares.stop();
});
