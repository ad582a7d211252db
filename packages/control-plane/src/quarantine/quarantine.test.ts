import { create, fromBinary } from "@bufbuild/protobuf";
import { encode } from "@legation/envoy-api";
import { type RouteConfiguration, RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { VirtualHostSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { contentVersion } from "@legation/mesh";
import { type PolicyDocument, policySet } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, type Resource, type StreamStatus, TypeUrl } from "@legation/xds";
import { expect, test } from "vitest";
import { decodeQuarantine, encodeQuarantine } from "../state/quarantine-file.js";
import { createTestEvents } from "../testing/events.js";
import { createQuarantine, judgementDelay } from "./quarantine.js";
import type { RefusedContent } from "./refused-content.js";
import { quarantineView } from "./words.js";

const identity = (service: string, mode: "off" | "strict", authorization?: "shadow"): PolicyDocument => ({
  ...{ apiVersion: "legation/v1", kind: "Identity", name: service, service, mode },
  ...(authorization ? { authorization } : {}),
});

function scene(restored: readonly RefusedContent[] = []) {
  const clock = createTestClock();
  const inner = createResourceCache();
  const events = createTestEvents(clock);
  const streams: StreamStatus[] = [];
  let saved: readonly RefusedContent[] = [];
  const log = createLogger({ name: "test", level: "silent" });
  const save = (contents: readonly RefusedContent[]) => {
    saved = contents;
  };
  const quarantine = createQuarantine({ cache: inner, streams: () => streams, events, save, clock, log });
  quarantine.restore(restored);
  const on = { stream: 1, node: "n1/web-1", nonce: "1" };
  const served = (layer: string, typeUrl: string, name: string) => inner.layer(layer)?.get(typeUrl)?.get(name);
  return {
    clock,
    events,
    streams,
    saved: () => decodeQuarantine(encodeQuarantine(saved)),
    quarantine,
    put: (layer: string, ...resources: Resource[]) => quarantine.cache.replace(layer, resources),
    /** What a proxy makes of what it is served. */
    answer(layer: string, typeUrl: string, name: string, refusal?: string) {
      const resource = served(layer, typeUrl, name);
      if (!resource) throw new Error(`nothing is served under ${name}`);
      const same = { ...on, typeUrl, resources: [resource] };
      if (refusal === undefined) quarantine.take({ kind: "ack", ...same, removed: [], milliseconds: 1 });
      else quarantine.take({ kind: "nack", ...same, message: refusal, isolated: true, attempts: 1 });
    },
    /** Another proxy was sent the cluster that is served now, and refuses it when the returned function is called. */
    refuseToo(layer: string, name: string) {
      const resource = served(layer, TypeUrl.cluster, name);
      const resources = resource ? [resource] : [];
      const refusal = { ...on, node: "n1/web-2", stream: 2, typeUrl: TypeUrl.cluster, message: "no", isolated: true, attempts: 1 };
      return () => quarantine.take({ kind: "nack", ...refusal, resources });
    },
    text: (layer: string, name: string) => Buffer.from(served(layer, TypeUrl.cluster, name)?.bytes ?? []).toString(),
    hosts(layer: string) {
      const found = served(layer, TypeUrl.route, "outbound");
      const routes: RouteConfiguration | undefined = found && fromBinary(RouteConfigurationSchema, found.bytes);
      return routes?.virtualHosts.map(({ name, domains }) => `${name} ${domains.join()}`);
    },
    judge: () => clock.advance(judgementDelay),
  };
}

function cluster(name: string, text: string): Resource {
  const bytes = Buffer.from(text);
  return { typeUrl: TypeUrl.cluster, name, version: contentVersion(bytes), bytes, provenance: { service: name, source: "catalog" } };
}

/** Routes with a virtual host for each `name=domain`. */
function routes(...hosts: string[]): Resource {
  const virtualHosts = hosts.map((host) => {
    const [name = "", domain = ""] = host.split("=");
    return create(VirtualHostSchema, { name, domains: [domain] });
  });
  const bytes = encode(RouteConfigurationSchema, create(RouteConfigurationSchema, { name: "outbound", virtualHosts }));
  const provenance = { service: "web", source: "default" };
  return { typeUrl: TypeUrl.route, name: "outbound", version: contentVersion(bytes), bytes, provenance };
}

test("a refused cluster is replaced by the last good one in all layers and in new ones, and the policy's path is told", async () => {
  const { quarantine, put, answer, judge, text, events } = scene();
  const before = policySet([identity("orders", "off"), identity("stock", "off")]);
  quarantine.setPolicies(before);
  for (const layer of ["a", "b"]) put(layer, cluster("orders", "good"), cluster("stock", "good"));
  quarantine.settled();
  answer("a", TypeUrl.cluster, "orders");
  quarantine.setPolicies(policySet([identity("orders", "strict"), identity("stock", "strict")]));
  for (const layer of ["a", "b"]) put(layer, cluster("orders", "bad"), cluster("stock", "better"));
  answer("a", TypeUrl.cluster, "orders", "no good");
  expect(text("b", "orders")).toBe("bad");
  await judge();
  put("c", cluster("orders", "bad"));
  expect(["a", "b", "c"].map((layer) => text(layer, "orders"))).toEqual(["good", "good", "good"]);
  expect(text("a", "stock")).toBe("better");
  expect(quarantine.list(["b"]).map(quarantineView)).toMatchObject([
    { type: "cluster", name: "orders", policies: ["Identity/orders: mode"], instead: "last-good", node: "n1/web-1", message: "no good" },
  ]);
  expect(events.list().at(-1)).toMatchObject({ type: "policy.quarantined", service: "orders" });
});

test("other content is served at once, and when it is refused too, the good one of before is served and all fields that changed since are named", async () => {
  const { quarantine, put, answer, judge, text } = scene();
  quarantine.setPolicies(policySet([identity("orders", "off")]));
  put("a", cluster("orders", "good"));
  quarantine.settled();
  answer("a", TypeUrl.cluster, "orders");
  quarantine.setPolicies(policySet([identity("orders", "strict")]));
  put("a", cluster("orders", "bad"));
  quarantine.settled();
  answer("a", TypeUrl.cluster, "orders", "no");
  await judge();
  quarantine.setPolicies(policySet([identity("orders", "strict", "shadow")]));
  put("a", cluster("orders", "worse"));
  expect(text("a", "orders")).toBe("worse");
  expect(quarantine.list()).toEqual([]);
  answer("a", TypeUrl.cluster, "orders", "no");
  await judge();
  expect(text("a", "orders")).toBe("good");
  expect(quarantine.list().map(quarantineView)).toMatchObject([{ policies: ["Identity/orders: authorization, mode"] }]);
});

test("what others have taken is refused by that proxy alone, whether they said so before, within the delay, or from an earlier run", async () => {
  const { put, answer, judge, text, streams, quarantine } = scene();
  put("a", cluster("orders", "one"), cluster("stock", "one"), cluster("cash", "one"));
  answer("a", TypeUrl.cluster, "orders");
  answer("a", TypeUrl.cluster, "orders", "no");
  answer("a", TypeUrl.cluster, "stock", "no");
  answer("a", TypeUrl.cluster, "stock");
  const acknowledged = new Map([["cash", cluster("cash", "one").version]]);
  streams.push({ types: [{ typeUrl: TypeUrl.cluster, acknowledged }] } as unknown as StreamStatus);
  answer("a", TypeUrl.cluster, "cash", "no");
  await judge();
  expect(quarantine.list()).toEqual([]);
  expect(text("a", "orders")).toBe("one");
});

test("what is held back already is not judged again when the refusals of further proxies come in", async () => {
  const { quarantine, put, answer, judge, events, refuseToo } = scene();
  put("a", cluster("orders", "good"));
  answer("a", TypeUrl.cluster, "orders");
  put("a", cluster("orders", "bad"));
  answer("a", TypeUrl.cluster, "orders", "no");
  const late = refuseToo("a", "orders");
  await judge();
  const [held] = quarantine.list();
  late();
  await judge();
  expect(quarantine.list()).toEqual([held]);
  expect(events.list()).toHaveLength(1);
});

test("an address that one machine lacks and a refused assignment hold nothing back from others", async () => {
  const { put, answer, judge, quarantine } = scene();
  const listener = { ...cluster("inbound", "one"), typeUrl: TypeUrl.listener };
  const endpoints = { ...cluster("orders", "one"), typeUrl: TypeUrl.endpoint };
  put("a", listener, endpoints);
  answer("a", TypeUrl.listener, "inbound", "cannot bind '203.0.113.7:20000': Cannot assign requested address");
  answer("a", TypeUrl.endpoint, "orders", "no");
  await judge();
  expect(quarantine.list()).toEqual([]);
});

test("a further instance of a service whose listener is held back starts by the policies without what is to blame, also in a new run", async () => {
  const first = scene();
  const listener = (text: string) => ({
    ...cluster("inbound", text),
    typeUrl: TypeUrl.listener,
    provenance: { service: "web", source: "default" },
  });
  const good = policySet([identity("web", "off"), identity("orders", "off")]);
  const bad = policySet([identity("web", "strict"), identity("orders", "strict")]);
  first.quarantine.setPolicies(good);
  first.put("web-1", listener("good"));
  first.quarantine.settled();
  first.answer("web-1", TypeUrl.listener, "inbound");
  first.quarantine.setPolicies(bad);
  first.put("web-1", listener("bad"));
  expect(first.quarantine.goodPolicies("web", () => [listener("elsewhere")])).toBeUndefined();
  first.answer("web-1", TypeUrl.listener, "inbound", "no");
  await first.judge();
  const second = scene(first.saved());
  second.quarantine.setPolicies(bad);
  for (const { quarantine } of [first, second]) {
    expect(quarantine.goodPolicies("orders", () => [])).toBeUndefined();
    expect(quarantine.goodPolicies("web", () => [listener("bad")])).toBeUndefined();
    expect(
      quarantine
        .goodPolicies("web", () => [listener("elsewhere")])
        ?.of("Identity")
        .map(({ name, mode }) => `${name} ${mode}`),
    ).toEqual(["orders strict", "web off"]);
  }
});

test("of refused routes only the virtual host that changed is held back, also when another one changes after it", async () => {
  const { put, answer, judge, hosts, quarantine } = scene();
  put("a", routes("orders=o1", "stock=s1"));
  answer("a", TypeUrl.route, "outbound");
  put("a", routes("orders=bad", "stock=s1"));
  answer("a", TypeUrl.route, "outbound", "no");
  await judge();
  expect(hosts("a")).toEqual(["orders o1", "stock s1"]);
  put("a", routes("orders=bad", "stock=s2"));
  expect(hosts("a")).toEqual(["orders o1", "stock s2"]);
  expect(quarantine.list().map(quarantineView)).toMatchObject([{ type: "routes", name: "orders", instead: "last-good" }]);
  put("a", routes("orders=o2", "stock=s2"));
  expect(hosts("a")).toEqual(["orders o2", "stock s2"]);
  expect(quarantine.list()).toEqual([]);
});

test("of many virtual hosts that are new together, the bad ones are found by trying halves, and the others are served", async () => {
  const { put, answer, judge, hosts, quarantine } = scene();
  const names = Array.from({ length: 11 }, (_, i) => `s${i}=${i === 3 || i === 8 ? "bad" : "fine"}`);
  put("a", routes(...names));
  for (let i = 0; i < 40; i++) {
    const bad = hosts("a")?.some((host) => host.endsWith("bad"));
    answer("a", TypeUrl.route, "outbound", bad ? "no" : undefined);
    await judge();
  }
  expect(hosts("a")).toEqual(names.filter((name) => name.endsWith("fine")).map((name) => name.replace("=", " ")));
  expect(
    quarantine
      .list()
      .map(({ name, instead }) => [name, instead])
      .sort(),
  ).toEqual([
    ["s3", null],
    ["s8", null],
  ]);
});

test("a new run serves the last good content from the start, and tells what it had found", async () => {
  const first = scene();
  first.put("a", cluster("orders", "good"), routes("orders=o1"));
  for (const [type, name] of [
    [TypeUrl.cluster, "orders"],
    [TypeUrl.route, "outbound"],
  ] as const)
    first.answer("a", type, name);
  first.put("a", cluster("orders", "bad"), routes("orders=bad"));
  first.answer("a", TypeUrl.cluster, "orders", "no");
  first.answer("a", TypeUrl.route, "outbound", "no");
  await first.judge();
  const second = scene(first.saved());
  expect(second.quarantine.list()).toEqual([]);
  second.put("a", cluster("orders", "bad"), routes("orders=bad"));
  expect([second.text("a", "orders"), second.hosts("a")]).toEqual(["good", ["orders o1"]]);
  expect(second.quarantine.list()).toHaveLength(2);
});

test("a resource without anything good before it is told, and left to each proxy", async () => {
  const { put, answer, judge, text, quarantine } = scene();
  put("a", cluster("orders", "bad"));
  answer("a", TypeUrl.cluster, "orders", "no");
  await judge();
  expect(text("a", "orders")).toBe("bad");
  expect(quarantine.list().map(quarantineView)).toMatchObject([{ name: "orders", instead: "left-out" }]);
});

test("a proxy that takes what was held back meanwhile gets it served again to all", async () => {
  const { put, answer, judge, text, quarantine, events } = scene();
  put("a", cluster("orders", "good"));
  answer("a", TypeUrl.cluster, "orders");
  put("a", cluster("orders", "odd"));
  answer("a", TypeUrl.cluster, "orders", "no");
  await judge();
  expect(text("a", "orders")).toBe("good");
  const on = { stream: 2, node: "n1/web-2", nonce: "1", typeUrl: TypeUrl.cluster, removed: [], milliseconds: 1 };
  quarantine.take({ kind: "ack", ...on, resources: [cluster("orders", "odd")] });
  expect(text("a", "orders")).toBe("odd");
  expect(events.list().at(-1)).toMatchObject({ type: "policy.released" });
});
