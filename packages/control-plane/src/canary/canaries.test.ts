import { type CanaryRecord, noPolicies } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { Bundle } from "../policies/bundle.js";
import { createMemoryKv } from "../policies/testing/memory-kv.js";
import { createTestEvents } from "../testing/events.js";
import { type Canaries, createCanaries } from "./canaries.js";
import type { OwnEvidence } from "./evidence.js";
import { createCanaryStore } from "./store.js";

const [base, next, other] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];
const bundle = (id: string, version: number) => ({ id, manifest: { version }, policies: noPolicies }) as unknown as Bundle;
const acknowledged: OwnEvidence = { proxies: [{ node: "n1/web-1", state: "acknowledged" }], answers: [] };

/** Two replicas over one store. */
async function scene() {
  const clock = createTestClock();
  const store = createCanaryStore(createMemoryKv());
  const head = { bundle: bundle(base, 1), pending: 0 };
  const state: { evidence: OwnEvidence | Promise<OwnEvidence>; judge: number } = { evidence: acknowledged, judge: 0 };
  const audited: string[] = [];
  const replicas = [0, 1].map((i) => {
    const served: string[] = [];
    const events = createTestEvents(clock);
    const canaries: Canaries = createCanaries({
      store,
      promote: async (id) => {
        head.bundle = bundle(id, 2);
        head.pending = 1;
        return true;
      },
      mesh: {
        begin: (_policies, nodes) => void served.push(`begin ${[...nodes].join()}`),
        end: () => void served.push("end"),
        has: () => false,
        view: () => undefined,
        routed: () => undefined,
        changed: () => undefined,
      },
      live: () => head.bundle,
      pending: () => head.pending,
      isJudge: () => state.judge === i,
      gather: async () => state.evidence,
      events,
      audit: () => ({ record: ({ action, detail }) => void audited.push(`${action}: ${detail?.["why"]}`) }),
      clock,
      log: createLogger({ name: "test", level: "silent" }),
    });
    return { canaries, served, events: () => events.list().map(({ type }) => type) };
  });
  const startedAt = new Date(clock.now()).toISOString();
  const record: CanaryRecord = {
    ...{ format: "legation-canary/1", bundle: next, base, version: 2, changed: ["Service/orders"], author: "ann", reason: "why" },
    ...{ proxies: [{ node: "n1/web-1", service: "web" }], terms: { window: 10, requests: 0, limit: 60 } },
    ...{ startedAt, state: "running", verdict: "", endedAt: null },
  };
  await store.begin(record);
  /** What each replica hears from its watch. */
  const told = async () => {
    const { record: now } = await store.read();
    for (const { canaries } of replicas)
      canaries.see(now && { record: now, bundle: now.state === "running" ? bundle(now.bundle, now.version) : undefined });
    return now;
  };
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) await clock.advance(1_000);
    return told();
  };
  return { clock, store, record, head, state, audited, replicas, told, pass };
}

test("every replica serves the canary; one promotes it, and its proxies keep it until the live state has caught up", async () => {
  const { told, pass, replicas, audited, head } = await scene();
  await told();
  for (const { served } of replicas) expect(served).toEqual(["begin n1/web-1"]);
  expect(await pass(9)).toMatchObject({ state: "running" });
  expect(await pass(4)).toMatchObject({ state: "promoted", verdict: expect.stringContaining("errors held for") });
  await pass(3);
  for (const { served } of replicas) expect(served).toEqual(["begin n1/web-1"]);
  head.pending = 0;
  await pass(2);
  for (const { served, events } of replicas) {
    expect(served).toEqual(["begin n1/web-1", "end"]);
    expect(events()).toEqual(["canary.started", "canary.promoted"]);
  }
  expect(audited).toEqual([expect.stringMatching(/^canary promoted: /)]);
});

test("what speaks against it takes it back everywhere at once, and the live version stays", async () => {
  const { told, pass, replicas, state, head, audited } = await scene();
  await told();
  state.evidence = { ...acknowledged, proxies: [{ node: "n1/web-1", state: "refused", message: "cluster orders: no" }] };
  expect(await pass(2)).toMatchObject({ state: "withdrawn", verdict: "n1/web-1 refused cluster orders: no" });
  for (const { served } of replicas) expect(served).toEqual(["begin n1/web-1", "end"]);
  expect(head.bundle.id).toBe(base);
  expect(audited).toHaveLength(1);
});

test("when the replica that judges dies, another one watches for a whole window and judges", async () => {
  const { told, pass, state, replicas } = await scene();
  await told();
  await pass(8);
  replicas[0]?.canaries.stop();
  state.judge = 1;
  expect(await pass(8)).toMatchObject({ state: "running" });
  expect(await pass(6)).toMatchObject({ state: "promoted" });
});

test("what is withdrawn while its judge asks the others is not promoted", async () => {
  const { told, clock, state, store, record, head, replicas } = await scene();
  await told();
  let answer = (_evidence: OwnEvidence): void => undefined;
  for (let i = 0; i < 10; i++) await clock.advance(1_000);
  state.evidence = new Promise<OwnEvidence>((resolve) => {
    answer = resolve;
  });
  for (let i = 0; i < 4; i++) await clock.advance(1_000);
  expect(await store.read()).toMatchObject({ record: { state: "running" } });
  await store.end(record.bundle, { state: "withdrawn", verdict: "the wrong file", endedAt: record.startedAt });
  answer(acknowledged);
  await clock.advance(0);
  await told();
  expect(head.bundle.id).toBe(base);
  for (const { served } of replicas) expect(served).toEqual(["begin n1/web-1", "end"]);
});

test("two that both hold themselves for the judge end it once", async () => {
  const { told, pass, state, audited, store, record } = await scene();
  await told();
  const [first, second] = await Promise.all(
    ["one", "two"].map((verdict) => store.end(record.bundle, { state: "withdrawn", verdict, endedAt: null })),
  );
  expect([first, second].sort()).toEqual([false, true]);
  state.judge = 1;
  await pass(3);
  expect(audited).toEqual([]);
});

test("another version that becomes live ends it, and a canary of another base is served to nobody", async () => {
  const { told, pass, head, replicas } = await scene();
  await told();
  head.bundle = bundle(other, 2);
  for (const { canaries } of replicas) canaries.update();
  for (const { served } of replicas) expect(served).toEqual(["begin n1/web-1", "end"]);
  expect(await pass(2)).toMatchObject({ state: "withdrawn", verdict: "version 2 became live meanwhile" });
});

test("only one runs at a time", async () => {
  const { store, record } = await scene();
  await expect(store.begin({ ...record, bundle: other })).rejects.toMatchObject({ code: "policy.conflict" });
  await store.end(record.bundle, { state: "withdrawn", verdict: "enough", endedAt: record.startedAt });
  await store.begin({ ...record, bundle: other });
  expect(await store.read()).toMatchObject({ record: { bundle: other, state: "running" } });
});
