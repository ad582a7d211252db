import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
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
