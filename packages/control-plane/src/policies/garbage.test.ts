import type { BundleManifest } from "@legation/mesh/policy";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { createCanaryStore } from "../canary/store.js";
import { collectGarbage, retention } from "./garbage.js";
import { createMemoryKv } from "./testing/memory-kv.js";
import { access, createOperators, createReplica, identity } from "./testing/replica.js";

const operators = createOperators("ann", "bob");
const keep = { ...retention, bundles: 1 };

test("what a kept bundle, an approval or a proposal names stays; the rest goes when it is old, and everything still works", async () => {
  const clock = createTestClock();
  const kv = createMemoryKv();
  const replica = createReplica(kv, operators.trust(), clock);
  await replica.approve(await replica.apply(access(2, "ann", "bob"), identity("mesh", "off")), operators, "ann", "bob");
  await replica.approve(await replica.apply(identity("mesh", "permissive")), operators, "ann", "bob");
  for (const mode of ["off", "strict", "permissive"] as const) {
    const other = { ...access(1, "ann"), name: `n-${mode}` };
    await replica.approve(await replica.apply(other), operators, "ann", "bob");
  }
  const waits = await replica.apply(identity("mesh", "strict"));
  expect(await collectGarbage(kv, clock, keep)).toBe(0);
  await clock.advance(keep.unnamedMs + 1);
  expect(await collectGarbage(kv, clock, keep)).toBeGreaterThan(0);
  expect(await collectGarbage(kv, clock, keep)).toBe(0);
  const fresh = createReplica(kv, operators.trust(), clock);
  expect((await fresh.take())?.manifest.version).toBe(5);
  expect(await fresh.approve(waits, operators, "ann", "bob")).toMatchObject({ state: "accepted" });
  await clock.advance(keep.proposalMs + 1);
  const stale = await fresh.apply(identity("mesh", "off"));
  await clock.advance(keep.proposalMs + 1);
  await collectGarbage(kv, clock, keep);
  if (stale.state !== "awaiting-approval") throw new Error(stale.state);
  await expect(fresh.proposals.get(stale.proposal)).rejects.toThrow("waits for signatures");
});

test("a blob that is written again while it is cleaned up stays", async () => {
  const clock = createTestClock();
  const kv = createMemoryKv();
  const replica = createReplica(kv, operators.trust(), clock);
  const hash = await replica.store.put("again", "a test");
  await clock.advance(keep.unnamedMs + 1);
  const { list } = kv;
  kv.list = async (prefix) => {
    const seen = await list(prefix);
    await replica.store.put("again", "a test");
    return seen;
  };
  expect(await collectGarbage(kv, clock, keep)).toBe(0);
  expect(kv.entries.has(`legation/policies/blobs/${hash}`)).toBe(true);
});

test("a canary that runs for days can be made live in the end; one that has gone back is cleaned up", async () => {
  const clock = createTestClock();
  const kv = createMemoryKv();
  const replica = createReplica(kv, undefined, clock);
  const canaries = createCanaryStore(kv);
  await replica.apply(identity("mesh", "off"));
  let tried = "";
  const canary = async (bundle: string, { version, parent: base, author, reason, at }: BundleManifest, changed: readonly string[]) => {
    tried = bundle;
    const [proxies, terms] = [[{ node: "n1/web-1", service: "web" }], { window: 60, requests: 0, limit: 604_800 }];
    const rest = { proxies, terms, startedAt: at, state: "running", verdict: "", endedAt: null } as const;
    await canaries.begin({ format: "legation-canary/1", bundle, base, version, changed, author, reason, ...rest });
  };
  await replica.editor.change({ set: [identity("web", "strict", "web")], author: "ann", reason: "test", canary });
  await clock.advance(keep.unnamedMs + 1);
  expect(await collectGarbage(kv, clock, keep)).toBe(0);
  await canaries.end(tried, { state: "withdrawn", verdict: "enough", endedAt: new Date(clock.now()).toISOString() });
  // The manifest, and the one document that is new.
  expect(await collectGarbage(kv, clock, keep)).toBe(2);
  expect((await createReplica(kv, undefined, clock).take())?.manifest.version).toBe(1);
});
