import { maintenanceCheckId } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache, TypeUrl } from "@legation/xds";
import { expect, test } from "vitest";
import { returnTime } from "../reconcile/nodes.js";
import { createReconciler } from "../reconcile/reconciler.js";
import { instance, serviceOf } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createProve, type Direction, type Proof, type ProofParts } from "./proof.js";

const notice = { node: "n1", id: "o1", service: "orders" };
const never = new AbortController().signal;
const web = sidecarOf("web", ["orders"]);

/** A replica that has run for a while, whose one proxy acknowledges when it is told to. */
async function scene(service = serviceOf("orders", "o1", "o2"), canary?: ProofParts["canary"]) {
  const clock = createTestClock();
  const cache = createResourceCache();
  const metrics = { compiled: () => undefined, published: () => undefined };
  const log = createLogger({ name: "test", level: "silent" });
  const reconciler = createReconciler({
    cache,
    events: createTestEvents(clock),
    metrics,
    leaving: { consulAnswers: () => true, atWork: () => true },
    clock,
    log,
  });
  reconciler.claim(web, { region: "", zone: "" }, "host/web1");
  reconciler.set(service);
  reconciler.flush();
  const waits: { typeUrl: string; name: string; version: unknown; timeoutMs: number; acknowledge: (laggards: string[]) => void }[] = [];
  const returning: number[] = [];
  const plain: string[] = [];
  const prove = createProve({
    reconciler,
    ...(canary ? { canary } : {}),
    nodes: {
      subscribers: () => 1,
      withoutCertificate: () => plain,
      returning: () => returning.filter((until) => until > clock.monotonic()),
    },
    cache,
    acknowledged: (typeUrl, name, version, { timeoutMs }) =>
      new Promise((resolve) => {
        waits.push({ typeUrl, name, version, timeoutMs, acknowledge: (laggards) => resolve({ laggards }) });
      }),
    clock,
  });
  await clock.advance(returnTime);
  const start = (direction: Direction, limitMs = 10_000) => {
    const state: { proof?: Proof } = {};
    void prove(direction, notice, limitMs, never).then((proof) => {
      state.proof = proof;
    });
    return state;
  };
  return { clock, reconciler, prove, start, waits, returning, plain };
}

const drained = instance("orders", "o1", { checks: [{ id: maintenanceCheckId("o1"), name: "m", status: "critical", output: "" }] });

test("leaving is answered when the assignment with the instance draining is acknowledged", async () => {
  const { clock, reconciler, start, waits } = await scene();
  const before = reconciler.routed(notice);
  const state = start("leaving");
  await clock.advance(0);
  const { endpoints, serving } = reconciler.routed(notice);
  expect([before.serving, serving]).toEqual([true, false]);
  expect(endpoints).not.toBe(before.endpoints);
  expect(waits).toMatchObject([{ typeUrl: TypeUrl.endpoint, name: "orders", version: endpoints, timeoutMs: 10_000 }]);
  expect(state.proof).toBeUndefined();
  waits[0]?.acknowledge(["n1/web-1"]);
  await clock.advance(0);
  expect(state.proof).toEqual({ accepted: true, subscribers: 1, laggards: ["n1/web-1"] });
});

test("where an address is a host name, the cluster carries the endpoints, and is waited for too", async () => {
  const named = instance("orders", "o2", { address: "orders.internal" });
  const { clock, start, waits } = await scene({ name: "orders", instances: [instance("orders", "o1"), named] });
  start("leaving");
  await clock.advance(0);
  expect(waits.map(({ typeUrl }) => typeUrl)).toEqual([TypeUrl.endpoint, TypeUrl.cluster]);
});

test("where callers in regions have endpoints of their own, each version that one of them is to have counts, and none from before", async () => {
  const at = (id: string, region: string) => instance("orders", id, { meta: { region }, address: `10.0.1.${id.slice(1)}` });
  const { clock, reconciler, start, waits } = await scene({ name: "orders", instances: [at("o1", "north"), at("o2", "south")] });
  const before = reconciler.routed(notice);
  start("leaving");
  await clock.advance(0);
  const after = reconciler.routed(notice);
  const counts = waits[0]?.version as (version: string | undefined) => boolean;
  expect(after.regional).toHaveLength(2);
  for (const version of [after.endpoints, ...after.regional]) expect(counts(version)).toBe(true);
  for (const version of [before.endpoints, ...before.regional, undefined]) expect(counts(version)).toBe(false);
});

test("what a canary's proxies are given instead counts as well, and is asked for anew as it changes", async () => {
  const given = { serving: false, endpoints: "c1", regional: ["c2"], clusters: [], mutual: undefined, takesTls: false };
  const { clock, reconciler, start, waits } = await scene(undefined, () => given);
  start("leaving");
  await clock.advance(0);
  const counts = waits[0]?.version as (version: string | undefined) => boolean;
  for (const version of [reconciler.routed(notice).endpoints, "c1", "c2"]) expect(counts(version)).toBe(true);
  expect(counts("c3")).toBe(false);
  given.endpoints = "c3";
  expect(counts("c3")).toBe(true);
  expect(counts(undefined)).toBe(false);
});

test("proxies that may come back with what they held before are waited for, and no longer than they take", async () => {
  const { clock, start, waits, returning } = await scene();
  returning.push(clock.monotonic() + 2_000);
  start("leaving");
  await clock.advance(1_900);
  expect(waits).toEqual([]);
  await clock.advance(150);
  expect(waits).toHaveLength(1);
});

test("a stream that ends while its acknowledgement is waited for is waited for again", async () => {
  const { clock, start, waits, returning } = await scene();
  const state = start("leaving");
  await clock.advance(0);
  returning.push(clock.monotonic() + 1_000);
  waits[0]?.acknowledge([]);
  await clock.advance(900);
  expect(state.proof).toBeUndefined();
  await clock.advance(150);
  waits[1]?.acknowledge([]);
  await clock.advance(0);
  expect(state.proof).toEqual({ accepted: true, subscribers: 1, laggards: [] });
});

test("an instance that the registry does not have is not accepted", async () => {
  const { clock, start, waits } = await scene(serviceOf("orders", "o2"));
  const state = start("leaving");
  await clock.advance(0);
  waits[0]?.acknowledge([]);
  await clock.advance(0);
  expect(state.proof).toMatchObject({ accepted: false });
});

test("arriving waits until Consul shows the instance serving, and then for the acknowledgements of that", async () => {
  const { clock, reconciler, start, waits } = await scene({ name: "orders", instances: [drained] });
  const state = start("arriving");
  await clock.advance(1_000);
  expect(waits).toEqual([]);
  reconciler.set(serviceOf("orders", "o1"));
  await clock.advance(0);
  expect(waits).toMatchObject([{ version: reconciler.routed(notice).endpoints, timeoutMs: 9_000 }]);
  waits[0]?.acknowledge([]);
  await clock.advance(0);
  expect(state.proof).toEqual({ accepted: true, subscribers: 1, laggards: [] });
});

test("arriving takes an earlier notice of leaving back at once", async () => {
  const { clock, reconciler, start, waits } = await scene();
  start("leaving");
  await clock.advance(0);
  expect(reconciler.routed(notice).serving).toBe(false);
  start("arriving");
  await clock.advance(0);
  expect(reconciler.routed(notice).serving).toBe(true);
  expect(waits).toHaveLength(2);
});

test("an instance that does not serve within the limit has not arrived", async () => {
  const { clock, start, waits } = await scene({ name: "orders", instances: [drained] });
  const state = start("arriving", 500);
  await clock.advance(500);
  waits[0]?.acknowledge([]);
  await clock.advance(0);
  expect(state.proof).toMatchObject({ accepted: false });
});

const trust = { trustDomain: "test.consul", datacenter: "dc1" };
const withTls = (state: "accepted" | "required") =>
  instance("orders", "o1", { mesh: { address: "10.0.0.1", port: 20_000 }, meta: { "legation-tls": state } });

test("a question about TLS waits for the registration, and then for the endpoint and the cluster that use it", async () => {
  const { clock, reconciler, start, waits } = await scene();
  reconciler.setTrust(trust);
  const state = start("tls");
  await clock.advance(1_000);
  expect(waits).toEqual([]);
  reconciler.set({ name: "orders", instances: [withTls("accepted")] });
  await clock.advance(0);
  const { endpoints, mutual, serving } = reconciler.routed(notice);
  expect(serving).toBe(true);
  expect(waits).toMatchObject([
    { typeUrl: TypeUrl.endpoint, version: endpoints },
    { typeUrl: TypeUrl.cluster, version: mutual },
  ]);
  for (const wait of waits.splice(0)) wait.acknowledge(["n1/web-1"]);
  await clock.advance(0);
  expect(state.proof).toBeUndefined();
  for (const wait of waits) wait.acknowledge([]);
  await clock.advance(0);
  expect(state.proof).toEqual({ accepted: true, subscribers: 1, laggards: [], withoutCertificate: [] });
});

test("callers without a certificate are named and not waited for", async () => {
  const { clock, reconciler, start, waits, plain } = await scene({ name: "orders", instances: [withTls("accepted")] });
  reconciler.setTrust(trust);
  plain.push("n1/old-1");
  const state = start("tls");
  await clock.advance(0);
  waits[0]?.acknowledge([]);
  waits[1]?.acknowledge(["n1/old-1"]);
  await clock.advance(0);
  expect(state.proof).toEqual({ accepted: true, subscribers: 1, laggards: ["n1/old-1"], withoutCertificate: ["n1/old-1"] });
});

test("nobody calls by TLS as long as it is not known whose certificates count", async () => {
  const { clock, start, waits } = await scene({ name: "orders", instances: [withTls("accepted")] });
  const state = start("tls", 500);
  await clock.advance(500);
  for (const wait of waits) wait.acknowledge([]);
  await clock.advance(0);
  expect(state.proof).toMatchObject({ accepted: false });
});
