import { endpointsLayer, noIdentityPolicies } from "@legation/mesh";
import { policySet, readDocument, trafficPolicies } from "@legation/mesh/policy";
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

function canary(to: readonly string[]) {
  const rules = [{ to: to.map((service) => ({ service })) }];
  const read = readDocument({ apiVersion: "legation/v1", kind: "Route", name: "canary", service: "orders", rules });
  if ("flaws" in read) throw new Error(JSON.stringify(read.flaws));
  return read.document;
}

function scene() {
  const clock = createTestClock();
  const cache = createResourceCache();
  const compiled: string[] = [];
  const reconciler = createReconciler({
    ...{ cache, clock, events: createTestEvents(clock) },
    metrics: { compiled: (what) => compiled.push(what), published: () => undefined },
    leaving: { consulAnswers: () => true, atWork: () => true },
    log: createLogger({ name: "test", level: "silent" }),
  });
  reconciler.setTrust(undefined);
  for (const name of ["orders", "orders-v2"]) reconciler.set({ name, instances: [instance(name, `${name}-1`)] });
  const claim = reconciler.claim(web, { region: "", zone: "" }, "n1/web-1");
  const names = (type: string, layers = claim.view.layers) =>
    layers.flatMap((layer) => [...(cache.layer(layer)?.get(type)?.keys() ?? [])]).filter((name) => !name.includes(":"));
  return {
    reconciler,
    claim,
    compiled,
    settle: () => clock.advance(1_000),
    lingered: () => clock.advance(layerLinger),
    clusters: () => names(TypeUrl.cluster).sort(),
    assigned: () => names(TypeUrl.endpoint, [endpointsLayer]).sort(),
    async split(...to: string[]) {
      if (to.length === 0) reconciler.setPolicies(noIdentityPolicies);
      else reconciler.setPolicies(noIdentityPolicies, trafficPolicies(policySet([canary(to)])));
      await clock.advance(1_000);
    },
  };
}

test("callers get the clusters that a route leads to, and give them back with it", async () => {
  const { claim, clusters, assigned, split, lingered } = scene();
  await split();
  expect([clusters(), claim.clusters]).toEqual([["orders"], ["orders"]]);
  await split("orders", "orders-v2", "elsewhere");
  expect(clusters()).toEqual(["elsewhere", "orders", "orders-v2"]);
  expect(claim.clusters).toEqual(["elsewhere", "orders", "orders-v2"]);
  expect(assigned()).toContain("elsewhere");
  expect(claim.problems.map(({ code, message }) => [code, message])).toEqual([
    ["route-target", "Route/canary#0 sends requests to elsewhere, which is not registered: they fail until an instance of elsewhere is"],
  ]);
  await split("orders-v2");
  expect([clusters(), claim.problems]).toEqual([["orders", "orders-v2"], []]);
  expect(assigned()).not.toContain("elsewhere");
  await split("elsewhere");
  claim.release();
  await lingered();
  expect(assigned()).toEqual(["orders", "orders-v2"]);
});

test("what a route leads to is news for callers when its cluster changes, and not when its endpoints do", async () => {
  const { reconciler, claim, compiled, settle, split } = scene();
  await split("orders-v2");
  compiled.splice(0);
  reconciler.set({ name: "orders-v2", instances: [1, 2].map((i) => instance("orders-v2", `orders-v2-${i}`)) });
  await settle();
  expect(compiled).toEqual(["service"]);
  reconciler.set({ name: "orders-v2", instances: [instance("orders-v2", "orders-v2-1", { meta: { protocol: "tcp" } })] });
  await settle();
  expect(compiled).toEqual(["service", "service", "node"]);
  expect(claim.problems).toEqual([
    {
      code: "route-target",
      service: "web",
      message: "Route/canary#0 sends requests to orders-v2, which speaks tcp: they fail. Take orders-v2 out of the rule",
    },
  ]);
});
