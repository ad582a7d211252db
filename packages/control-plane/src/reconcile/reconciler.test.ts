import { fromBinary } from "@bufbuild/protobuf";
import { maintenanceCheckId } from "@legation/contract";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { endpointsLayer } from "@legation/mesh";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, TypeUrl } from "@legation/xds";
import { expect, test } from "vitest";
import { instance, serviceOf } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createReconciler } from "./reconciler.js";
import { layerLinger } from "./views.js";

const web = sidecarOf("web", [], {
  dependencies: [
    { name: "orders", optional: false },
    { name: "cache", optional: true },
  ],
});
const place = { region: "", zone: "a" };

function scene() {
  const still = createTestClock();
  let elapsed = 0;
  const clock = { ...still, monotonic: () => still.monotonic() + elapsed };
  const slow = (ms: number) => {
    compileTime = ms;
  };
  const cache = createResourceCache();
  const compiled = { service: 0, node: 0 };
  let compileTime = 0;
  const metrics = {
    compiled: (what: "service" | "node") => {
      compiled[what]++;
      elapsed += compileTime;
    },
    published: () => undefined,
  };
  const patches: string[] = [];
  cache.onChange((layer, changed) => {
    for (const [typeUrl, names] of changed)
      patches.push(`${layer.split(" ")[0]} ${typeUrl.split(".").at(-1)} ${[...names].sort().join(",")}`);
  });
  const events = createTestEvents(clock);
  const log = createLogger({ name: "test", level: "silent" });
  const atWork = { now: true };
  const reconciler = createReconciler({
    cache,
    events,
    metrics,
    leaving: { consulAnswers: () => true, atWork: () => atWork.now },
    clock,
    log,
  });

  const health = (name: string) => {
    const found = cache.layer(endpointsLayer)?.get(TypeUrl.endpoint)?.get(name);
    const endpoints = found && fromBinary(ClusterLoadAssignmentSchema, found.bytes).endpoints.flatMap((l) => l.lbEndpoints);
    return endpoints?.map((e) => e.healthStatus);
  };
  const names = (layer: string, typeUrl: string) => [...(cache.layer(layer)?.get(typeUrl)?.keys() ?? [])].sort();
  return { clock: still, cache, compiled, patches, events, reconciler, health, names, slow, atWork };
}

const HEALTHY = 1;
const DRAINING = 3;

test("a lone change of a service is in the cache at the end of the tick, and only its assignment", async () => {
  const { reconciler, patches, compiled, health } = scene();
  for (const name of ["orders", "payments"]) reconciler.set(serviceOf(name, `${name}-1`));
  reconciler.claim(web, place, "host/web1");
  reconciler.flush();
  patches.length = 0;
  compiled.service = compiled.node = 0;
  reconciler.set(serviceOf("orders", "orders-1", "orders-2"));
  reconciler.flush();
  expect(health("orders")).toEqual([HEALTHY, HEALTHY]);
  expect(patches).toEqual(["endpoints ClusterLoadAssignment orders"]);
  expect(compiled).toEqual({ service: 1, node: 0 });
});

test("a change that does not reach the proxies publishes nothing", () => {
  const { reconciler, patches } = scene();
  const said = (output: string) => ({
    name: "orders",
    instances: [instance("orders", "o1", { checks: [{ id: "c", name: "c", status: "passing", output }] })],
  });
  reconciler.set(said("fine"));
  reconciler.flush();
  patches.length = 0;
  reconciler.set(said("still fine"));
  reconciler.flush();
  expect(patches).toEqual([]);
});

test("a burst of services becomes one patch", async () => {
  const { clock, reconciler, patches } = scene();
  reconciler.set(serviceOf("first", "f1"));
  await clock.advance(0);
  patches.length = 0;
  for (const name of ["a", "b", "c"]) {
    reconciler.set(serviceOf(name, `${name}1`));
    await clock.advance(1);
  }
  await clock.advance(20);
  expect(patches).toEqual(["endpoints ClusterLoadAssignment a,b,c,zones:a:,zones:b:,zones:c:"]);
});

test("a node gets its listeners, routes and a cluster per dependency, whether that is registered or not", () => {
  const { reconciler, names, health } = scene();
  reconciler.set(serviceOf("orders", "o1"));
  reconciler.flush();
  const { view, clusters, problems } = reconciler.claim(web, place, "host/web1");
  expect(view.named).toEqual([endpointsLayer, "authorization"]);
  expect(clusters).toEqual(["cache", "orders"]);
  expect(view.layers.flatMap((layer) => names(layer, TypeUrl.cluster))).toEqual(expect.arrayContaining(["cache", "orders"]));
  expect(view.layers.flatMap((layer) => names(layer, TypeUrl.listener)).sort()).toEqual(["inbound", "outbound"]);
  expect(view.layers.flatMap((layer) => names(layer, TypeUrl.route))).toEqual(["outbound"]);
  expect(health("cache")).toEqual([]);
  expect(problems.map((p) => p.code)).toEqual(["dependency-unknown"]);
});

test("nodes that agree share layers, and instances of one service on several machines share the view", () => {
  const { reconciler, compiled } = scene();
  const first = reconciler.claim(web, place, "host/web1");
  expect(reconciler.claim(web, place, "host/web1").view).toEqual(first.view);
  const other = reconciler.claim({ ...web, inbound: "127.0.0.1:20001" }, place, "host/web1");
  expect(other.view.layers.filter((layer) => first.view.layers.includes(layer))).toHaveLength(1);
  expect(reconciler.claim(web, { region: "", zone: "b" }, "host/web1").view.layers).not.toEqual(first.view.layers);
  // Two views and two instances.
  expect(compiled.node).toBe(4);
});

test("a dependency that changes its protocol changes its cluster in the layers of its callers, and in no others", () => {
  const { reconciler, patches, compiled } = scene();
  reconciler.set(serviceOf("orders", "o1"));
  reconciler.flush();
  reconciler.claim(web, place, "host/web1");
  reconciler.claim({ ...web, service: "admin", dependencies: [] }, place, "host/web1");
  patches.length = 0;
  compiled.node = 0;
  reconciler.set({ name: "orders", instances: [instance("orders", "o1", { meta: { protocol: "http2" } })] });
  reconciler.flush();
  expect(patches).toEqual(["view Cluster orders"]);
  expect(compiled.node).toBe(1);
});

test("a dependency that turns out to speak tcp changes the routes too", () => {
  const { reconciler, patches } = scene();
  reconciler.claim(web, place, "host/web1");
  patches.length = 0;
  reconciler.set({ name: "orders", instances: [instance("orders", "o1", { meta: { protocol: "tcp" } })] });
  reconciler.flush();
  expect(patches[0]).toBe("endpoints ClusterLoadAssignment orders,zones:orders:");
  expect(patches).toContain("view RouteConfiguration outbound");
});

test("a service that is gone keeps its cluster and an empty assignment as long as somebody calls it", async () => {
  const { clock, reconciler, health, names } = scene();
  reconciler.set(serviceOf("orders", "o1"));
  const claim = reconciler.claim(web, place, "host/web1");
  reconciler.remove("orders");
  reconciler.flush();
  expect(health("orders")).toEqual([]);
  expect(claim.view.layers.flatMap((layer) => names(layer, TypeUrl.cluster))).toContain("orders");
  claim.release();
  await clock.advance(layerLinger);
  expect(health("orders")).toBeUndefined();
  expect(reconciler.size()).toMatchObject({ services: 0, layers: 0 });
});

test("layers wait for a proxy that comes back, and go with the last user after that", async () => {
  const { clock, reconciler, cache, compiled } = scene();
  const first = reconciler.claim(web, place, "host/web1");
  const second = reconciler.claim(web, place, "host/web1");
  first.release();
  first.release();
  await clock.advance(2 * layerLinger);
  expect(reconciler.size().layers).toBe(2);
  second.release();
  await clock.advance(layerLinger - 1);
  const third = reconciler.claim(web, place, "host/web1");
  await clock.advance(layerLinger);
  expect(compiled.node).toBe(2);
  third.release();
  await clock.advance(layerLinger);
  expect(first.view.layers.map((layer) => cache.layer(layer))).toEqual([undefined, undefined]);
  expect(clock.pending).toBe(0);
});

test("an instance that says it leaves is DRAINING in the same call, and serves again if its agent is at work after all", async () => {
  const { clock, reconciler, health, events, atWork } = scene();
  atWork.now = false;
  reconciler.set(serviceOf("orders", "o1", "o2"));
  reconciler.flush();
  expect(reconciler.leave({ node: "n1", id: "o1", service: "orders" })).toBe(true);
  expect(health("orders")).toEqual([DRAINING, HEALTHY]);
  reconciler.set(serviceOf("orders", "o1", "o2"));
  await clock.advance(1_000);
  expect(health("orders")).toEqual([DRAINING, HEALTHY]);
  await clock.advance(60_000);
  expect(health("orders")).toEqual([DRAINING, HEALTHY]);
  atWork.now = true;
  await clock.advance(60_000);
  expect(health("orders")).toEqual([HEALTHY, HEALTHY]);
  expect(events.list().map(({ type }) => type)).toEqual(["instance.draining", "instance.leaving-expired"]);
});

test("a leaving instance stays DRAINING for as long as it says so again, which is no news", async () => {
  const { clock, reconciler, health, events } = scene();
  reconciler.set(serviceOf("orders", "o1", "o2"));
  reconciler.flush();
  const notice = { node: "n1", id: "o1", service: "orders" };
  reconciler.leave(notice);
  for (let told = 0; told < 9; told++) {
    await clock.advance(20_000);
    expect(reconciler.leave({ ...notice, again: true })).toBe(true);
  }
  expect(health("orders")).toEqual([DRAINING, HEALTHY]);
  expect(events.list().map(({ type }) => type)).toEqual(["instance.draining"]);
  await clock.advance(60_000);
  reconciler.leave({ ...notice, again: true });
  expect(health("orders")).toEqual([DRAINING, HEALTHY]);
  reconciler.stop();
});

test("a notice that is told as an old one is news where the instance serves", () => {
  const { reconciler, health, events } = scene();
  reconciler.set(serviceOf("orders", "o1", "o2"));
  reconciler.flush();
  const notice = { node: "n1", id: "o1", service: "orders", again: true };
  expect(reconciler.serves(notice)).toBe(true);
  reconciler.leave(notice);
  expect(health("orders")).toEqual([DRAINING, HEALTHY]);
  expect(reconciler.serves(notice)).toBe(false);
  expect(events.list().map(({ type }) => type)).toEqual(["instance.draining"]);
  reconciler.stop();
});

test("a leaving instance whose maintenance ends in Consul serves again", async () => {
  const { clock, reconciler, health } = scene();
  reconciler.set(serviceOf("orders", "o1"));
  reconciler.leave({ node: "n1", id: "o1", service: "orders" });
  const maintenance = { id: maintenanceCheckId("o1"), name: "m", status: "critical", output: "" } as const;
  reconciler.set({ name: "orders", instances: [instance("orders", "o1", { checks: [maintenance] })] });
  await clock.advance(1_000);
  expect(health("orders")).toEqual([DRAINING]);
  reconciler.set(serviceOf("orders", "o1"));
  await clock.advance(1_000);
  expect(health("orders")).toEqual([HEALTHY]);
});

test("a leaving notice of an instance that the registry does not have is not accepted", () => {
  const { reconciler } = scene();
  reconciler.set(serviceOf("orders", "o1"));
  expect(reconciler.leave({ node: "n2", id: "o1", service: "orders" })).toBe(false);
  expect(reconciler.leave({ node: "n1", id: "o1", service: "payments" })).toBe(false);
  expect(reconciler.size().leaving).toBe(0);
});

test("much to compile is done in slices, and a proxy that comes in between gets all it needs", async () => {
  const { clock, reconciler, health, slow } = scene();
  slow(8);
  for (const name of ["a", "b", "c", "d", "e", "orders"]) reconciler.set(serviceOf(name, `${name}1`));
  reconciler.flush();
  expect(["a", "b", "c", "d", "e", "orders"].map(health)).toEqual([[HEALTHY], [HEALTHY], [HEALTHY], undefined, undefined, undefined]);
  reconciler.claim(web, place, "host/web1");
  expect(health("orders")).toEqual([HEALTHY]);
  for (const name of ["f", "g", "h"]) reconciler.set(serviceOf(name, `${name}1`));
  reconciler.set(serviceOf("orders", "orders1", "orders2"));
  reconciler.flush();
  expect([...["orders", "d"].map(health), health("h")]).toEqual([[HEALTHY, HEALTHY], [HEALTHY], undefined]);
  await clock.advance(1_000);
  expect(["e", "f", "g", "h"].map(health)).toEqual([[HEALTHY], [HEALTHY], [HEALTHY], [HEALTHY]]);
});

test("stopping leaves no timer behind", async () => {
  const { clock, reconciler } = scene();
  reconciler.set(serviceOf("orders", "o1"));
  reconciler.claim(web, place, "host/web1").release();
  reconciler.leave({ node: "n1", id: "o1", service: "orders" });
  reconciler.stop();
  expect(clock.pending).toBe(0);
});

test("a service that cannot be compiled keeps what it had, says so, and harms no other", () => {
  const { reconciler, health } = scene();
  reconciler.set(serviceOf("orders", "orders-1"));
  reconciler.claim(web, place, "host/web1");
  reconciler.flush();
  const impossible = { weights: { passing: 5e9, warning: 1 } };
  reconciler.set({ name: "orders", instances: [instance("orders", "orders-1", impossible), instance("orders", "orders-2")] });
  reconciler.set({ name: "fresh", instances: [instance("fresh", "fresh-1", impossible)] });
  reconciler.set(serviceOf("payments", "payments-1"));
  expect(() => reconciler.flush()).not.toThrow();
  expect([health("orders"), health("fresh"), health("payments")]).toEqual([[HEALTHY], [], [HEALTHY]]);
  expect(reconciler.problems("orders")).toMatchObject([{ code: "service-uncompilable", message: expect.stringContaining("uint32") }]);
  reconciler.set(serviceOf("orders", "orders-1", "orders-2"));
  reconciler.flush();
  expect(health("orders")).toEqual([HEALTHY, HEALTHY]);
  expect(reconciler.problems("orders")).toEqual([]);
});
