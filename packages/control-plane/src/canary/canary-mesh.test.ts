import { fromBinary } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { endpointsLayer } from "@legation/mesh";
import { type PolicyDocument, policySet } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, TypeUrl } from "@legation/xds";
import { expect, test } from "vitest";
import { createReconciler } from "../reconcile/reconciler.js";
import { instance, serviceOf } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createCanaryMesh } from "./canary-mesh.js";

const web = sidecarOf("web", ["orders"]);
const place = { region: "", zone: "" };
const limited: PolicyDocument = { apiVersion: "legation/v1", kind: "Service", name: "orders", limits: { connections: 7 } };

function scene() {
  const clock = createTestClock();
  const cache = createResourceCache();
  const refreshed: string[] = [];
  const canary = createCanaryMesh({ mesh: () => reconciler, cache, refresh: (node) => void refreshed.push(node), clock });
  const reconciler = createReconciler({
    cache,
    events: createTestEvents(clock),
    metrics: { compiled: () => undefined, published: () => undefined },
    leaving: { consulAnswers: () => true, atWork: () => true },
    changed: canary.changed,
    clock,
    log: createLogger({ name: "test", level: "silent" }),
  });
  reconciler.set(serviceOf("orders", "orders-1"));
  reconciler.flush();
  const live = reconciler.claim(web, place, "n1/web-1").view;
  canary.begin(policySet([limited]), new Set(["n1/web-1"]));
  const seen = (layers: readonly string[] = [], typeUrl: string, name: string) =>
    layers.map((layer) => cache.layer(layer)?.get(typeUrl)?.get(name)).find((found) => found !== undefined);
  const endpoints = (layers?: readonly string[]) => {
    const found = seen(layers, TypeUrl.endpoint, "orders");
    return (
      found &&
      fromBinary(ClusterLoadAssignmentSchema, found.bytes)
        .endpoints.flatMap((one) => one.lbEndpoints)
        .map((one) => one.healthStatus)
    );
  };
  return { cache, canary, reconciler, live, refreshed, seen, endpoints };
}

test("its proxies alone see what the canary's policies change, and all else as it is", () => {
  const { canary, live, seen } = scene();
  expect(canary.view(web, place, "n1/web-2")).toBeUndefined();
  const view = canary.view(web, place, "n1/web-1");
  expect(view).toBeDefined();
  const versions = (typeUrl: string, name: string, of: typeof view | typeof live) => seen(of?.layers, typeUrl, name)?.version;
  expect(versions(TypeUrl.cluster, "orders", view)).not.toBe(versions(TypeUrl.cluster, "orders", live));
  for (const [typeUrl, name] of [
    [TypeUrl.listener, "outbound"],
    [TypeUrl.listener, "inbound"],
    [TypeUrl.route, "outbound"],
  ] as const)
    expect(versions(typeUrl, name, view)).toBe(versions(typeUrl, name, live));
  expect(seen(view?.named, TypeUrl.endpoint, "orders")?.version).toBe(seen([endpointsLayer], TypeUrl.endpoint, "orders")?.version);
});

test("an instance that leaves, comes, or goes is so for the canary in the same tick", () => {
  const { canary, reconciler, endpoints } = scene();
  const named = canary.view(web, place, "n1/web-1")?.named;
  expect(endpoints(named)).toEqual([1]);
  const [one] = serviceOf("orders", "orders-1").instances;
  reconciler.leave({ service: "orders", node: one?.node ?? "", id: "orders-1" });
  expect(endpoints(named)).toEqual([3]);
  const given = canary.routed({ service: "orders", node: one?.node ?? "", id: "orders-1" });
  expect(given).toMatchObject({ serving: false, endpoints: reconciler.routed({ service: "orders", node: "", id: "" }).endpoints });
  reconciler.set({
    name: "orders",
    instances: [instance("orders", "orders-2", { port: 9000 }), instance("orders", "orders-3", { port: 9001 })],
  });
  reconciler.flush();
  expect(endpoints(named)).toEqual(endpoints([endpointsLayer]));
  reconciler.remove("orders");
  reconciler.flush();
  expect(endpoints(named)).toEqual([]);
});

test("at its end its proxies are asked to look again, and its layers are gone", () => {
  const { canary, cache, refreshed } = scene();
  const view = canary.view(web, place, "n1/web-1");
  expect(refreshed).toEqual(["n1/web-1"]);
  canary.end();
  expect(refreshed).toEqual(["n1/web-1", "n1/web-1"]);
  expect(canary.view(web, place, "n1/web-1")).toBeUndefined();
  for (const layer of [...(view?.layers ?? []), ...(view?.named ?? [])]) expect(cache.layer(layer)).toBeUndefined();
});

test("when it is known anew whose certificates count, the canary is compiled anew", () => {
  const { canary, reconciler, cache } = scene();
  const before = canary.view(web, place, "n1/web-1");
  reconciler.setTrust({ trustDomain: "x.consul", datacenter: "dc1" });
  const after = canary.view(web, place, "n1/web-1");
  expect(after?.layers).not.toEqual(before?.layers);
  expect(before?.layers.map((layer) => cache.layer(layer))).toEqual([undefined, undefined]);
  expect(after?.layers.every((layer) => cache.layer(layer) !== undefined)).toBe(true);
});
