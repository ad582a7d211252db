/** The canaries of one control plane, put together. */

import type { Consul } from "@legation/consul";
import type { AgentReport } from "@legation/contract";
import type { CanaryView } from "@legation/contract/api";
import type { CanaryRecord } from "@legation/mesh/policy";
import { type Clock, LegationError, type Lifecycle, type Logger, type Timer } from "@legation/runtime";
import type { NodeView, ResourceCache, StreamStatus } from "@legation/xds";
import type { Teller } from "../events/events.js";
import type { Policies } from "../policies/setup.js";
import { freshStateWait } from "../reconcile/feed.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Replica } from "../replicas/directory.js";
import type { Audit } from "../security/audit.js";
import { createAnswerBook } from "./answer-book.js";
import { createCanaries } from "./canaries.js";
import { type CanaryMesh, createCanaryMesh } from "./canary-mesh.js";
import { allEvidence, type CanaryQuestion, createBaseline, type OwnEvidence, ownEvidence } from "./evidence.js";
import { followCanary } from "./source.js";
import { type CanaryStore, createCanaryStore } from "./store.js";

/** The canaries, for the API and the streams. */
export interface CanarySetup {
  readonly store: CanaryStore;
  /** The last one, with how it stands; null where there never was one. */
  view(): CanaryView | null;
  /** Ends the running one. Throws LegationError `policy.conflict` where none runs. */
  withdraw(why: string): Promise<CanaryRecord>;
  /** What this replica knows of the canary of a bundle. */
  evidence(question: CanaryQuestion): OwnEvidence;
  /** Reads the record at once: somebody has just changed it. */
  refresh(): void;
  /** The store has said whether a canary runs, or cannot be asked. */
  settled(): boolean;
  readonly mesh: Pick<CanaryMesh, "view" | "has" | "routed">;
  /** See `ReconcilerOptions.changed`. */
  changed(services: readonly string[] | "identity"): void;
  /** The bundle in force is another one, or is compiled. */
  update(): void;
  /** Takes what an agent reports. */
  take(report: AgentReport): void;
  start(): void;
}

/** Makes them. What is given as a function may not exist yet. */
export function createCanarySetup(o: {
  readonly consul: Consul;
  readonly cache: ResourceCache;
  readonly mesh: () => Reconciler;
  readonly policies: () => Policies;
  readonly streams: (wanted: (node: string) => boolean) => readonly StreamStatus[];
  /** Has views asked for again, of one node or of all. */
  readonly refresh: (node?: string) => void;
  readonly own: string;
  readonly others: () => readonly Replica[];
  readonly ask: (to: Replica, path: string, body: unknown, limitMs: number, signal: AbortSignal) => Promise<unknown>;
  readonly audit: () => Pick<Audit, "record">;
  readonly events: Teller;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly log: Logger;
}): CanarySetup {
  const { consul, clock, log } = o;
  const store = createCanaryStore(consul.kv);
  const book = createAnswerBook(clock);
  const baseline = createBaseline(book);
  const mesh = createCanaryMesh({ ...o, refresh: (node) => o.refresh(node) });
  let source: ReturnType<typeof followCanary> | undefined;
  let settled = false;
  let wait: Timer | undefined;

  const canaries = createCanaries({
    ...o,
    store,
    mesh,
    async promote(bundle, base) {
      const { store: bundles, changed } = o.policies().editing();
      const done = await bundles.promote(bundle, base);
      changed();
      return done;
    },
    live: () => o.policies().live.status().bundle,
    pending: () => o.mesh().pending(),
    // One of those that Consul names, and the same for all that see the same.
    isJudge: () => [o.own, ...o.others().map(({ replica }) => replica)].sort()[0] === o.own,
    gather: (record, question, signal) =>
      allEvidence(
        evidenceOf(record, question),
        question,
        { ...o, onSilent: (why) => log.debug({ event: "canary.silent", why }, `a control plane says nothing of the canary: ${why}`) },
        signal,
      ),
  });
  o.lifecycle.onStop("canary", 1_000, () => {
    wait?.cancel();
    source?.stop();
    canaries.stop();
    mesh.end();
  });

  function evidenceOf(record: CanaryRecord, question: CanaryQuestion): OwnEvidence {
    return ownEvidence(record, question, { streams: o.streams, serves: canaries.serves, book, baseline, now: clock.now() });
  }

  function settle(): void {
    wait?.cancel();
    if (settled) return;
    settled = true;
    o.refresh();
  }

  return {
    store,
    view() {
      const record = canaries.last();
      return record ? { ...record, standing: canaries.standing() ?? null } : null;
    },
    async withdraw(why) {
      const { record } = await store.read();
      const endedAt = new Date(clock.now()).toISOString();
      if (record?.state !== "running" || !(await store.end(record.bundle, { state: "withdrawn", verdict: why, endedAt })))
        throw new LegationError("policy.conflict", 'no canary runs. "legation policy list" shows the last one');
      return record;
    },
    evidence(question) {
      const record = canaries.last();
      return record?.bundle === question.bundle ? evidenceOf(record, question) : { proxies: [], answers: [] };
    },
    refresh: () => source?.restart(),
    settled: () => settled,
    mesh: {
      view: (node, place, instance): NodeView | undefined => mesh.view(node, place, instance),
      has: mesh.has,
      routed: mesh.routed,
    },
    changed: mesh.changed,
    update: canaries.update,
    take: book.take,
    start() {
      const { origin, trust, live } = o.policies();
      if (origin !== "store") return settle();
      const { blobs } = o.policies().editing();
      // A Consul that neither answers nor refuses keeps no proxy waiting.
      wait = clock.timeout(freshStateWait, settle);
      const follow = { consul, blobs, trust, known: () => live.approved(), clock, log };
      source = followCanary({
        ...follow,
        onCanary(seen) {
          canaries.see(seen);
          settle();
        },
        onLost: settle,
      });
    },
  };
}
