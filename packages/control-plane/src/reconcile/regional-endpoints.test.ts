import { endpointsLayer, regionalLayer } from "@legation/mesh";
import { parsePolicyFiles, policySet, trafficPolicies } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, TypeUrl } from "@legation/xds";
import { expect, test } from "vitest";
import { instance } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createReconciler } from "./reconciler.js";
import { layerLinger } from "./views.js";

const web = sidecarOf("web", ["orders"]);
const notice = { node: "n1", id: "o1", service: "orders" };
const at = (id: string, region: string) => instance("orders", id, { meta: { region }, address: `10.0.0.${id.slice(1)}` });

function scene() {
  const clock = createTestClock();
  const cache = createResourceCache();
  const reconciler = createReconciler({
    cache,
    events: createTestEvents(clock),
    metrics: { compiled: () => undefined, published: () => undefined },
    leaving: { consulAnswers: () => true, atWork: () => true },
    clock,
    log: createLogger({ name: "test", level: "silent" }),
  });
  const set = (...list: ReturnType<typeof at>[]) => {
    reconciler.set({ name: "orders", instances: list });
    reconciler.flush();
  };
  const version = (layer: string) => cache.layer(layer)?.get(TypeUrl.endpoint)?.get("orders")?.version;
  return { clock, reconciler, set, version };
}

test("a caller in a region looks there first, and has what others have where no order holds", () => {
  const { reconciler, set, version } = scene();
  const north = reconciler.claim(web, { region: "north", zone: "" }, "host/web1");
  expect(north.view.named?.slice(0, 2)).toEqual([regionalLayer("north"), endpointsLayer]);
  expect(reconciler.claim(web, { region: "", zone: "a" }, "host/web2").view.named?.[0]).toBe(endpointsLayer);
  set(at("o1", "north"), at("o2", "north"));
  expect([version(regionalLayer("north")), version(endpointsLayer)]).toEqual([undefined, expect.any(String)]);
  set(at("o1", "north"), at("o2", "south"));
  expect(version(regionalLayer("north"))).toEqual(expect.any(String));
  expect(version(regionalLayer("north"))).not.toBe(version(endpointsLayer));
  set(at("o1", "north"));
  expect(version(regionalLayer("north"))).toBeUndefined();
  set(at("o1", "north"), at("o2", "south"));
  reconciler.remove("orders");
  reconciler.flush();
  expect(version(regionalLayer("north"))).toBeUndefined();
});

test("a region's layer is there for its first caller, and goes a while after its last", async () => {
  const { clock, reconciler, set, version } = scene();
  set(at("o1", "north"), at("o2", "south"));
  expect(version(regionalLayer("south"))).toBeUndefined();
  const first = reconciler.claim(web, { region: "south", zone: "" }, "host/web1");
  const second = reconciler.claim({ ...web, service: "shop" }, { region: "south", zone: "" }, "host/shop1");
  expect(version(regionalLayer("south"))).toEqual(expect.any(String));
  first.release();
  await clock.advance(layerLinger);
  expect(version(regionalLayer("south"))).toEqual(expect.any(String));
  second.release();
  await clock.advance(layerLinger);
  expect(version(regionalLayer("south"))).toBeUndefined();
});

test("whoever asks what callers have is told of each region's, all of which change when an instance leaves", () => {
  const { reconciler, set, version } = scene();
  for (const region of ["north", "south"]) reconciler.claim(web, { region, zone: "" }, `host/${region}`);
  set(at("o1", "north"), at("o2", "south"));
  const layers = [regionalLayer("north"), regionalLayer("south")];
  const before = reconciler.routed(notice);
  expect(before.endpoints).toBe(version(endpointsLayer));
  expect([...before.regional].sort()).toEqual(layers.map(version).sort());
  reconciler.leave(notice);
  const after = reconciler.routed(notice);
  expect([...after.regional].sort()).toEqual(layers.map(version).sort());
  for (const old of before.regional) expect(after.regional).not.toContain(old);
});

test("a change of the order of regions reaches the callers in them, and nobody else", () => {
  const { reconciler, set, version } = scene();
  reconciler.claim(web, { region: "north", zone: "" }, "host/web1");
  set(at("o1", "north"), at("o2", "south"), at("o3", "west"));
  const [shared, north] = [version(endpointsLayer), version(regionalLayer("north"))];
  const text = "apiVersion: legation/v1\nkind: Service\nname: orders\nlocality: { failover: [west, south] }\n";
  const { documents } = parsePolicyFiles([{ path: "p.yaml", text }]);
  reconciler.setPolicies({ mesh: {}, services: new Map() }, trafficPolicies(policySet(documents)));
  reconciler.flush();
  expect(version(regionalLayer("north"))).not.toBe(north);
  expect(version(endpointsLayer)).toBe(shared);
});
