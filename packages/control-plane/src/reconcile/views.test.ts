import type { NodeMetadata, Protocol } from "@legation/contract";
import { noIdentityPolicies } from "@legation/mesh";
import { policySet, readDocument, trafficPolicies } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, TypeUrl } from "@legation/xds";
import { describe, expect, test } from "vitest";
import { instance } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createReconciler } from "./reconciler.js";

const web = sidecarOf("web", ["orders"]);
const orders = (protocol: Protocol = "http") => ({ name: "orders", instances: [instance("orders", "o1", { meta: { protocol } })] });
const strictly = (mode: "off" | "strict") => ({ mesh: {}, services: new Map([["orders", { mode }]]) });

function scene() {
  const clock = createTestClock();
  const cache = createResourceCache();
  const compiled = { service: 0, node: 0 };
  const reconciler = createReconciler({
    ...{ cache, clock, events: createTestEvents(clock) },
    metrics: { compiled: (what: "service" | "node") => compiled[what]++, published: () => undefined },
    leaving: { consulAnswers: () => true, atWork: () => true },
    log: createLogger({ name: "test", level: "silent" }),
  });
  const claim = () => reconciler.claim(web, { region: "", zone: "a" }, "n1/w1");
  const settle = () => clock.advance(1_000);
  const routes = ({ view }: ReturnType<typeof claim>) =>
    view.layers.flatMap((layer) => [...(cache.layer(layer)?.get(TypeUrl.route)?.values() ?? [])].map(({ version }) => version));
  return { reconciler, cache, compiled, claim, settle, routes };
}

type Scene = ReturnType<typeof scene>;

describe("a caller that connects between a change and the one that takes it back, before either was published", () => {
  const cases: readonly (readonly [string, (to: Scene["reconciler"]) => void, (to: Scene["reconciler"]) => void])[] = [
    ["the last instance goes and comes back", (to) => to.set(orders()), (to) => to.remove("orders")],
    ["the instances of a service without any come and go", (to) => to.set({ name: "orders", instances: [] }), (to) => to.set(orders())],
    ["the protocol becomes tcp and http again", (to) => to.set(orders()), (to) => to.set(orders("tcp"))],
    ["the mode becomes strict and off again", (to) => to.setPolicies(strictly("off")), (to) => to.setPolicies(strictly("strict"))],
  ];

  test.each(cases)("gets what one gets that connects afterwards: %s", async (_, stays, passes) => {
    const [early, late] = [scene(), scene()];
    for (const { reconciler, settle } of [early, late]) {
      reconciler.set(orders());
      reconciler.setTrust(undefined);
      stays(reconciler);
      await settle();
    }
    const expected = late.claim();

    // The first change opens the window in which the next ones wait.
    early.reconciler.set({ name: "other", instances: [] });
    early.reconciler.flush();
    passes(early.reconciler);
    const claim = early.claim();
    expect([claim.problems, early.routes(claim)]).toEqual([expected.problems, late.routes(expected)]);
    stays(early.reconciler);
    await early.settle();
    expect([claim.problems, early.routes(claim)]).toEqual([expected.problems, late.routes(expected)]);

    passes(early.reconciler);
    await early.settle();
    expect([claim.problems, early.routes(claim)]).not.toEqual([expected.problems, late.routes(expected)]);
  });

  test("is not compiled for it again", async () => {
    const { reconciler, compiled, claim, settle } = scene();
    reconciler.set(orders());
    await settle();
    reconciler.remove("orders");
    claim();
    reconciler.set(orders());
    compiled.node = 0;
    await settle();
    expect(compiled.node).toBe(0);
    reconciler.set({ ...orders(), instances: [...orders().instances, instance("orders", "o2")] });
    await settle();
    expect(compiled.node).toBe(0);
    reconciler.remove("orders");
    await settle();
    expect(compiled.node).toBe(1);
  });
});

describe("what listens on a local port", () => {
  test("follows the protocol of what it leads to, and the policies of the service itself", async () => {
    const { reconciler, cache, settle } = scene();
    const node: NodeMetadata = { ...web, dependencies: [{ name: "orders", optional: false, port: 15_432 }] };
    const claim = reconciler.claim(node, { region: "", zone: "a" }, "n1/w1");
    const own = () =>
      claim.view.layers.flatMap((layer) =>
        [...(cache.layer(layer)?.get(TypeUrl.listener) ?? [])].flatMap(([name, { version }]) => (name.includes("orders") ? [version] : [])),
      );
    reconciler.setTrust(undefined);
    reconciler.set({ name: "web", instances: [instance("web", "w1")] });
    reconciler.set(orders("tcp"));
    await settle();
    const bytes = own();
    reconciler.remove("orders");
    await settle();
    expect(own()).toEqual(bytes);
    reconciler.set(orders("http"));
    await settle();
    expect(own()).not.toEqual(bytes);
    reconciler.set(orders("tcp"));
    await settle();
    expect(own()).toEqual(bytes);
    const read = readDocument({ apiVersion: "legation/v1", kind: "Service", name: "web", accessLog: { path: "/dev/stdout" } });
    if ("flaws" in read) throw new Error(JSON.stringify(read.flaws));
    reconciler.setPolicies(noIdentityPolicies, trafficPolicies(policySet([read.document])));
    await settle();
    expect(own()).toHaveLength(1);
    expect(own()).not.toEqual(bytes);
    claim.release();
    await settle();
  });
});
