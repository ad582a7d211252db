import type { ReportedBreaker } from "@legation/contract";
import type { CatalogService } from "@legation/mesh";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { instance, serviceOf } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { createBreakers } from "./breakers.js";

const orders = serviceOf("orders", "o1", "o2");
const at = (port: number, state: ReportedBreaker["state"] = "open"): ReportedBreaker => ({
  service: "orders",
  address: `10.0.0.1:${port}`,
  state,
  cause: "consecutive 5xx",
  since: "2026-01-01T00:00:00.000Z",
});
const limit: ReportedBreaker = { service: "orders", state: "open", cause: "the limit of requests", since: "2026-01-01T00:00:00.000Z" };

function setUp(service: CatalogService = orders) {
  const clock = createTestClock();
  const events = createTestEvents(clock);
  const said = new Map<string, readonly ReportedBreaker[]>();
  const breakers = createBreakers({
    book: { breakersTo: (name) => (name === service.name ? said : new Map()), called: () => (said.size > 0 ? [service.name] : []) },
    service: (name) => (name === service.name ? service : undefined),
    events,
    clock,
  });
  const say = (caller: string, ...list: ReportedBreaker[]) => {
    if (list.length > 0) said.set(caller, list);
    else said.delete(caller);
    breakers.touched([service.name]);
  };
  const told = () => events.list().map((event) => [event.type, event.instance ?? "", "cause" in event.details && event.details.cause]);
  return { clock, breakers, said, say, told };
}

test("an instance is open while one caller has it ejected, and half-open while one only tries it", () => {
  const { breakers, say } = setUp();
  say("n1/web-1", at(8000));
  say("n1/web-2", at(8000, "half-open"));
  const { service, instances } = breakers.of(orders);
  expect(service.state).toBe("closed");
  expect([...instances.keys()]).toEqual(["n1/o1"]);
  expect(instances.get("n1/o1")).toMatchObject({ state: "open", callers: 2, by: [{ caller: "n1/web-1" }, { caller: "n1/web-2" }] });
  say("n1/web-1");
  expect(breakers.of(orders).instances.get("n1/o1")).toMatchObject({ state: "half-open", callers: 1 });
});

test("a service that the registry does not have has no breakers, whatever an agent says of it, and none is left when it goes", () => {
  const registry = new Map([["orders", orders]]);
  const events = createTestEvents(createTestClock());
  const said = new Map([["n1/web-1", [limit]]]);
  const breakers = createBreakers({
    book: { breakersTo: () => said, called: () => ["orders"] },
    service: (name) => registry.get(name),
    events,
    clock: createTestClock(),
  });
  breakers.touched(["invented"]);
  expect(events.list()).toEqual([]);
  breakers.touched(["orders"]);
  registry.delete("orders");
  breakers.touched(["orders"]);
  expect(
    events
      .list()
      .map(({ type }) => type)
      .sort(),
  ).toEqual(["breaker.closed", "breaker.opened"]);
  breakers.stop();
});

test("a service is open when one caller has all serving instances ejected, or has exceeded a limit", () => {
  const { breakers, say } = setUp();
  say("n1/web-1", at(8000), at(8001));
  expect(breakers.of(orders).service).toMatchObject({ state: "open", callers: 1 });
  say("n1/web-1", at(8000), at(8001, "half-open"));
  expect(breakers.of(orders).service.state).toBe("half-open");
  // Each of two callers still has one that serves it.
  say("n1/web-1", at(8000));
  say("n1/web-2", at(8001));
  expect(breakers.of(orders).service.state).toBe("closed");
  say("n1/web-2", limit);
  expect(breakers.of(orders).service).toMatchObject({ state: "open", by: [{ caller: "n1/web-2", cause: "the limit of requests" }] });
});

test("instances that take no requests anyway do not keep a service closed", () => {
  const drained = { ...orders, instances: [...orders.instances, instance("orders", "o3", { port: 8002, leaving: true })] };
  const { breakers, say } = setUp(drained);
  say("n1/web-1", at(8000), at(8001));
  expect(breakers.of(drained).service.state).toBe("open");
});

test("each change of a state is one event, not one for each caller, and silence closes too", async () => {
  const { clock, said, say, told } = setUp();
  say("n1/web-1", at(8000));
  say("n1/web-2", at(8000));
  expect(told()).toEqual([["breaker.opened", "n1/o1", "consecutive 5xx; for n1/web-1"]]);
  say("n1/web-1", at(8000, "half-open"));
  expect(told()).toHaveLength(1);
  say("n1/web-2", at(8000, "half-open"));
  expect(told().at(-1)?.slice(0, 2)).toEqual(["breaker.half-opened", "n1/o1"]);
  said.clear();
  await clock.advance(5_000);
  expect(told().at(-1)).toEqual(["breaker.closed", "n1/o1", "for all callers"]);
  say("n1/web-1", limit);
  expect(told().at(-1)).toEqual(["breaker.opened", "", "the limit of requests; for n1/web-1"]);
});
