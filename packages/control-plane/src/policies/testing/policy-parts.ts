/** What the API's routes of policies work with, over a store in memory: the source has to be told by hand to look at it. */
import { createLogger, systemClock } from "@legation/runtime";
import type { PolicyParts } from "../../api/policies.js";
import { noCanary } from "../../canary/testing/no-canary.js";
import { createPlanner } from "../../plan/plan.js";
import { createMeshQuarantine } from "../../quarantine/mesh-quarantine.js";
import { createTestEvents } from "../../testing/events.js";
import { type ApprovalTrust, noTrust } from "../approval-keys.js";
import { createBlobs, headKey } from "../blobs.js";
import { readBundle } from "../bundle.js";
import { createPolicyEditor } from "../editor.js";
import { headOf } from "../kv-source.js";
import { createLivePolicies } from "../live.js";
import { createLiveness } from "../liveness.js";
import { createProposals } from "../proposals.js";
import { createPolicyStore } from "../store.js";
import { createMemoryKv, type MemoryKv } from "./memory-kv.js";

/** The parts, with the store behind them; `take` reads the head. */
export interface TestPolicies extends PolicyParts {
  readonly kv: MemoryKv;
  take(): Promise<void>;
}

/** Makes them, without policies. */
export function createTestPolicies(trust: ApprovalTrust = noTrust): TestPolicies {
  const clock = systemClock;
  const kv = createMemoryKv();
  const live = createLivePolicies({
    apply: () => undefined,
    save: () => undefined,
    settled: () => undefined,
    events: createTestEvents(clock),
    security: { report: () => undefined },
    clock,
    log: createLogger({ name: "test", level: "fatal" }),
  });
  const known = () => live.approved();
  const blobs = createBlobs(kv);
  const store = createPolicyStore({ kv, blobs, trust, known, clock });
  const proposals = createProposals({ kv, blobs, store, trust });
  const editor = createPolicyEditor({ store, proposals, trust, known, inForce: () => live.status().bundle, clock });
  return {
    kv,
    live,
    trust,
    origin: "store",
    editing: () => ({ store, blobs, proposals, editor, changed: () => undefined }),
    restore: () => undefined,
    start: () => undefined,
    quarantine: createMeshQuarantine({ gather: async () => ({ answers: [], silent: [] }), own: () => [] }),
    canary: noCanary,
    planner: createPlanner({
      mesh: { services: () => [], trust: () => undefined, intentions: () => undefined },
      connected: () => [],
      others: () => [],
      ask: () => Promise.reject(new Error("there is nobody")),
      clock,
    }),
    liveness: createLiveness({
      status: live.status,
      streams: () => [],
      pending: () => 0,
      quarantined: () => [],
      others: () => [],
      ask: () => Promise.reject(new Error("there is nobody")),
      address: () => "127.0.0.1:8080",
    }),
    async take() {
      const entry = await kv.get(headKey);
      if (entry) live.onBundle(await readBundle(headOf(Buffer.from(entry.value).toString()), { blobs, known: known(), trust }));
    },
  };
}
