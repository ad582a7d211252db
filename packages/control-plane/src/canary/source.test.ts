import { type Answer, type Consul, ConsulError } from "@legation/consul";
import { type CanaryRecord, storedText } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { nothingApproved } from "../policies/approval-chain.js";
import { noTrust } from "../policies/approval-keys.js";
import { createBlobs } from "../policies/blobs.js";
import { createMemoryKv } from "../policies/testing/memory-kv.js";
import { followCanary, type SeenCanary } from "./source.js";

const record: CanaryRecord = {
  ...{ format: "legation-canary/1", bundle: "b".repeat(64), base: null, version: 1, changed: [], author: "ann", reason: "why" },
  ...{ proxies: [{ node: "n1/web-1", service: "web" }], terms: { window: 10, requests: 0, limit: 60 } },
  ...{ startedAt: "2026-01-01T00:00:00.000Z", state: "running", verdict: "", endedAt: null },
};

/** A store that has the record, and no blob; the record does not change. */
function scene() {
  const clock = createTestClock();
  const kv = createMemoryKv();
  let away = false;
  const rows = [{ Value: Buffer.from(storedText(record)).toString("base64") }];
  const consul: Pick<Consul, "get"> = {
    get: <T>(_path: string, { index = 0, signal }: { index?: number; signal?: AbortSignal } = {}) =>
      index > 0
        ? new Promise<Answer<T>>((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)))
        : Promise.resolve({ data: rows as T, index: 7, knownLeader: true, lastContactMs: 0, filteredByAcl: false, bytes: 1 }),
  };
  const setAway = (now: boolean) => {
    away = now;
  };
  const seen: (SeenCanary | undefined)[] = [];
  const lost: boolean[] = [];
  const source = followCanary({
    consul,
    blobs: createBlobs({ get: async (key) => (away ? Promise.reject(new ConsulError("consul.no-leader", "no leader")) : kv.get(key)) }),
    trust: noTrust,
    known: () => nothingApproved,
    onCanary: (canary) => void seen.push(canary),
    onLost: () => void lost.push(true),
    clock,
    log: createLogger({ name: "test", level: "silent" }),
  });
  return { clock, seen, lost, source, setAway };
}

test("a canary whose bundle cannot be taken is told without it, so that it is judged and ends", async () => {
  const { clock, seen, source } = scene();
  await clock.advance(0);
  source.stop();
  expect(seen).toEqual([{ record, bundle: undefined }]);
});

test("where Consul does not give the bundle it is asked again, and nothing ends meanwhile", async () => {
  const { clock, seen, lost, source, setAway } = scene();
  setAway(true);
  await clock.advance(400);
  expect([seen, lost]).toEqual([[], [true]]);
  setAway(false);
  await clock.advance(10_000);
  source.stop();
  expect(seen).toEqual([{ record, bundle: undefined }]);
});
