import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PolicySet } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freshStateWait } from "../reconcile/feed.js";
import { createTestEvents } from "../testing/events.js";
import type { Bundle } from "./bundle.js";
import { createLivePolicies, unreadableWait } from "./live.js";
import { PolicyRefusal } from "./refusal.js";
import { createBundleFile, readSavedBundle } from "./saved-bundle.js";
import { createMemoryKv } from "./testing/memory-kv.js";
import { access, createOperators, createReplica, identity } from "./testing/replica.js";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "legation-policies-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const operators = createOperators("ann");

async function bundle(): Promise<Bundle> {
  const replica = createReplica(createMemoryKv(), operators.trust());
  await replica.approve(await replica.apply(access(1, "ann"), identity("mesh", "strict")), operators, "ann");
  const taken = await replica.take();
  if (!taken) throw new Error("nothing was taken");
  return taken;
}

function setUp() {
  const clock = createTestClock();
  const lines: { event: string; msg: string }[] = [];
  const log = createLogger({ name: "t", destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  const applied: PolicySet[] = [];
  const reported: string[] = [];
  const saved: Bundle[] = [];
  const events = createTestEvents(clock);
  let settled = 0;
  const live = createLivePolicies({
    apply: (set) => void applied.push(set),
    save: (one) => void saved.push(one),
    settled: () => void settled++,
    events,
    security: { report: ({ kind, subject }) => void reported.push(`${kind} ${subject}`) },
    clock,
    log,
  });
  return { clock, log, lines, live, events, applied, reported, saved, settled: () => settled };
}

test("a bundle comes into force once, is saved, and what is refused after it changes nothing and is told once", async () => {
  const { live, events, applied, reported, saved, lines, settled } = setUp();
  live.onBundle(undefined);
  applied.length = 0;
  const one = await bundle();
  live.onBundle(one);
  live.onBundle(one);
  expect(events.list()).toMatchObject([
    { type: "policy.applied", details: { bundle: one.id, changed: ["Access/guard", "Identity/mesh"], count: 2 } },
  ]);
  expect([applied.length, saved.length, settled()]).toEqual([1, 1, 1]);
  const refusal = new PolicyRefusal("policy.tampered", "it is not what was written");
  live.onRefused(refusal, "abc");
  live.onRefused(refusal, "abc");
  expect(live.policies()).toBe(one.policies);
  expect(live.status().problem).toMatchObject({ code: "policy.tampered", bundle: "abc" });
  expect(lines.filter(({ event }) => event === "policies.refused")).toHaveLength(1);
  expect(reported).toEqual(["bundle-tampered abc", "bundle-tampered abc"]);
  live.onBundle(undefined);
  expect(live.status()).toEqual({ bundle: one, refused: false, problem: undefined });
});

test("without a bundle nobody knows the policies until the source has spoken, or does not for as long as the catalog is waited for", async () => {
  for (const speak of ["onBundle", "onLost"] as const) {
    const { live, applied, settled, clock } = setUp();
    expect(live.settled).toBe(false);
    if (speak === "onBundle") live.onBundle(undefined);
    else {
      live.onLost(new Error("no leader"));
      expect(live.settled).toBe(false);
      await clock.advance(unreadableWait);
    }
    expect([live.settled, settled(), applied.length, applied[0]?.documents.size]).toEqual([true, 1, 1, 0]);
  }
});

test("policies that are refused are not none: a replica that knows no others tells proxies nothing, also when Consul goes away then", async () => {
  const { live, applied, settled, clock, lines } = setUp();
  live.onLost(new Error("no leader"));
  live.onRefused(new PolicyRefusal("policy.missing", "gone."), undefined);
  live.onLost(new Error("away"));
  await clock.advance(10 * freshStateWait);
  expect([live.settled, settled(), applied.length]).toEqual([false, 0, 0]);
  expect(lines.find(({ event }) => event === "policies.refused")?.msg).toContain("told nothing until the policies are right");
  const one = await bundle();
  live.onBundle(one);
  expect([live.settled, settled(), applied]).toEqual([true, 1, [one.policies]]);
});

test("the bundle of the last run is in force at once, with what was approved, and waits no longer than the catalog for a newer one", async () => {
  const { live, applied, clock, log, settled } = setUp();
  const path = join(dir, "policies.json");
  const file = createBundleFile(path, "store", log);
  file.save(await bundle());
  await file.stop();
  const saved = await readSavedBundle(path, { origin: "store", clock, log });
  if (!saved) throw new Error("nothing was saved");
  live.restore(saved);
  expect(applied[0]?.of("Identity")).toMatchObject([{ mode: "strict" }]);
  expect(live.approved()).toMatchObject({ sequence: 1 });
  expect(settled()).toBe(0);
  await clock.advance(freshStateWait);
  expect(settled()).toBe(1);
  expect(await readSavedBundle(path, { origin: "/etc/policies", clock, log })).toBeUndefined();
});

test("a damaged file is moved aside, and stops nothing", async () => {
  const { clock, log, lines } = setUp();
  const path = join(dir, "policies.json");
  await writeFile(path, '{"format":"legation-saved-bundle/1","id":7}');
  expect(await readSavedBundle(path, { origin: "store", clock, log })).toBeUndefined();
  expect(lines.at(-1)).toMatchObject({ event: "state.corrupt" });
  await expect(readFile(path)).rejects.toThrow("ENOENT");
});
