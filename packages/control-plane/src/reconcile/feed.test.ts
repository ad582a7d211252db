import { controlPlaneService } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { createRegistryEvents } from "../events/registry-events.js";
import { serviceOf } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { createFeed, freshStateWait } from "./feed.js";

function scene() {
  const clock = createTestClock();
  const services = new Set<string>();
  const log: { event: string; msg: string }[] = [];
  const counts = { changed: 0, served: 0 };
  let lastAnswerAt: number | undefined;
  const events = createTestEvents(clock);
  const feed = createFeed({
    reconciler: { set: (service) => services.add(service.name), remove: (name) => services.delete(name), flush: () => undefined },
    events: createRegistryEvents(events),
    clock,
    log: createLogger({ name: "test", destination: { write: (line: string) => log.push(JSON.parse(line)) } }),
    changed: () => {
      counts.changed++;
    },
    served: () => {
      counts.served++;
    },
    lastAnswerAt: () => lastAnswerAt,
  });
  const answer = () => {
    lastAnswerAt = clock.now();
  };
  return { clock, services, log, counts, events, feed, answer };
}

test("nothing is served before the first complete read, so that a partial one takes nothing from a proxy", () => {
  const { clock, services, counts, feed, answer } = scene();
  answer();
  feed.take({ kind: "service", service: serviceOf("orders", "o1") });
  expect(services.has("orders")).toBe(true);
  expect(feed.status()).toEqual({ origin: "none", served: false, answeredAt: undefined, error: undefined });
  expect(counts.served).toBe(0);
  feed.take({ kind: "complete" });
  expect(feed.status()).toEqual({ origin: "consul", served: true, answeredAt: clock.now(), error: undefined });
  expect(counts.served).toBe(1);
});

function lastRun(clock: { now(): number }) {
  return { answeredAt: clock.now() - 90_000, datacenter: undefined, servers: [], services: [serviceOf("orders", "o1")] };
}

test("the state of the last run has its own age until Consul has been read, and no proxy is told of it before", async () => {
  const { clock, services, log, feed, answer, counts } = scene();
  feed.restore(lastRun(clock));
  expect([...services]).toEqual(["orders"]);
  expect(log).toMatchObject([{ event: "state.restored", services: 1, age: 90 }]);
  await clock.advance(1_000);
  answer();
  expect(feed.status()).toMatchObject({ origin: "disk", served: false, answeredAt: clock.now() - 91_000 });
  feed.take({ kind: "complete" });
  expect(feed.status()).toMatchObject({ origin: "consul", served: true, answeredAt: clock.now() });
  await clock.advance(freshStateWait);
  expect(counts.served).toBe(1);
});

test.each(["is known to be away", "does not answer in time"])("the state of the last run is served when Consul %s", async (what) => {
  const { clock, feed, counts } = scene();
  feed.restore(lastRun(clock));
  if (what === "does not answer in time") await clock.advance(freshStateWait);
  else feed.take({ kind: "lost", error: new Error("connection refused") });
  expect(feed.status()).toMatchObject({ origin: "disk", served: true });
  feed.take({ kind: "complete" });
  expect(feed.status()).toMatchObject({ origin: "consul", served: true });
  expect(counts.served).toBe(1);
  expect(clock.pending).toBe(0);
});

test("a feed that is stopped leaves no timer", () => {
  const { clock, feed } = scene();
  feed.restore(lastRun(clock));
  feed.stop();
  expect(clock.pending).toBe(0);
});

test("a Consul that is lost changes no service and is said with its reason until it is back", () => {
  const { services, log, feed, events, counts } = scene();
  feed.take({ kind: "service", service: serviceOf("orders", "o1") });
  const before = counts.changed;
  feed.take({ kind: "lost", error: new Error("connection refused") });
  expect(feed.status().error).toBe("connection refused");
  expect([...services]).toEqual(["orders"]);
  expect(counts.changed).toBe(before);
  feed.take({ kind: "restored" });
  expect(feed.status().error).toBeUndefined();
  expect(log.map((line) => line.event)).toEqual(["consul.lost", "consul.restored"]);
  expect(events.list().map(({ type }) => type)).toEqual(["catalog.stale", "catalog.fresh"]);
});

test("what the guard holds back is said aloud", () => {
  const { log, feed, events } = scene();
  feed.take({ kind: "alert", alert: { kind: "held", service: "orders", message: "orders: 3 of 4 vanished" } });
  expect(log).toMatchObject([{ event: "registry.held", service: "orders", msg: "orders: 3 of 4 vanished" }]);
  expect(events.list()).toMatchObject([{ type: "mass-loss.held", service: "orders" }]);
});

test("control planes in the registry are no services of the mesh, and gone services go", () => {
  const { services, feed } = scene();
  feed.take({ kind: "service", service: serviceOf(controlPlaneService, "c1") });
  feed.take({ kind: "service", service: serviceOf("orders", "o1") });
  feed.take({ kind: "removed", name: "orders" });
  expect(services.size).toBe(0);
});

test("a complete read of nothing at all is a missing right, and nobody is told that there is nothing", () => {
  const { log, feed, counts } = scene();
  feed.take({ kind: "complete" });
  expect(feed.status()).toMatchObject({ origin: "none", error: expect.stringContaining("service_prefix") });
  expect(log.map((line) => line.event)).toEqual(["consul.complete", "consul.empty"]);
  feed.take({ kind: "service", service: serviceOf("consul", "consul") });
  expect(feed.status()).toMatchObject({ origin: "consul", error: undefined });
  feed.take({ kind: "service", service: serviceOf("orders", "o1") });
  expect(counts.served).toBe(1);
});
