/** Canaries at this replica: serves the running one to its proxies, and, where it is this replica's turn, judges it. */

import type { CanaryRecord } from "@legation/mesh/policy";
import type { Clock, Logger, Timer } from "@legation/runtime";
import { messageOf } from "@legation/runtime";
import type { Teller } from "../events/events.js";
import type { Bundle } from "../policies/bundle.js";
import type { Audit } from "../security/audit.js";
import type { CanaryMesh } from "./canary-mesh.js";
import type { CanaryQuestion, OwnEvidence } from "./evidence.js";
import type { SeenCanary } from "./source.js";
import type { CanaryStore } from "./store.js";
import { judge, type Verdict } from "./verdict.js";

/** Between two looks at a running canary; milliseconds. */
const tick = 1_000;
/** A view that was changed so long ago has been sent, whatever it was coalesced with; milliseconds. */
const sentAfter = 1_000;

/** What the canaries work with. */
export interface CanaryParts {
  readonly store: CanaryStore;
  /** Makes a bundle live in place of another one. False when that is not live any more. */
  readonly promote: (bundle: string, base: string | null) => Promise<boolean>;
  readonly mesh: CanaryMesh;
  /** The bundle in force here. */
  readonly live: () => Bundle | undefined;
  /** Services that wait to be compiled by it. */
  readonly pending: () => number;
  /** It is this replica that judges. */
  readonly isJudge: () => boolean;
  /** What all replicas know. */
  readonly gather: (record: CanaryRecord, question: CanaryQuestion, signal: AbortSignal) => Promise<OwnEvidence>;
  readonly events: Teller;
  readonly audit: () => Pick<Audit, "record">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The canaries. */
export interface Canaries {
  /** What the store says. */
  see(canary: SeenCanary | undefined): void;
  /** The bundle in force is another one, or is compiled. */
  update(): void;
  /** The last one, running or over. */
  last(): CanaryRecord | undefined;
  /** How the running one stands, in a sentence; undefined where this replica does not judge it. */
  standing(): string | undefined;
  /** The proxies of this bundle's canary have been given it. */
  serves(bundle: string): boolean;
  stop(): void;
}

/** Makes it, without a canary. */
export function createCanaries(o: CanaryParts): Canaries {
  const stopping = new AbortController();
  let seen: SeenCanary | undefined;
  let serving: { readonly bundle: string; readonly since: number } | undefined;
  let watchedSince: number | undefined;
  let standing: string | undefined;
  let judging = false;
  let timer: Timer | undefined;

  function begin(record: CanaryRecord, bundle: Bundle): void {
    if (serving?.bundle === bundle.id) return;
    serving = { bundle: bundle.id, since: o.clock.monotonic() };
    o.mesh.begin(bundle.policies, new Set(record.proxies.map(({ node }) => node)));
  }

  function end(): void {
    if (!serving) return;
    serving = undefined;
    o.mesh.end();
  }

  function update(): void {
    if (!seen && !serving) return;
    const record = seen?.record;
    const live = o.live()?.id ?? null;
    if (record?.state === "running" && seen?.bundle && live === record.base) begin(record, seen.bundle);
    else if (serving) {
      // What becomes live is compiled before its canary goes, so that its proxies never go back.
      const due = record?.state === "promoted" && record.bundle === serving.bundle && (o.live()?.manifest.version ?? 0) < record.version;
      if (live === serving.bundle ? o.pending() > 0 : due) arm();
      else end();
    }
    if (record?.state === "running") arm();
  }

  function arm(): void {
    if (timer || stopping.signal.aborted) return;
    timer = o.clock.timeout(tick, () => {
      timer = undefined;
      update();
      void look();
    });
  }

  async function look(): Promise<void> {
    const record = seen?.record;
    if (record?.state !== "running" || judging || !o.isJudge()) return;
    judging = true;
    try {
      await decide(record);
    } catch (error) {
      if (!stopping.signal.aborted)
        o.log.warn({ event: "canary.unjudged", why: messageOf(error) }, `the canary cannot be judged now: ${messageOf(error)}`);
    } finally {
      judging = false;
    }
  }

  async function decide(record: CanaryRecord): Promise<void> {
    const live = o.live();
    if (live?.id === record.bundle) return conclude(record, { decision: "promote", why: "it is live" });
    if ((live?.id ?? null) !== record.base && (live?.manifest.version ?? 0) >= record.version)
      return conclude(record, { decision: "withdraw", why: `version ${live?.manifest.version} became live meanwhile` });
    const question = { bundle: record.bundle, ...(watchedSince === undefined ? {} : { since: watchedSince }) };
    const evidence = await o.gather(record, question, stopping.signal);
    const now = o.clock.now();
    if (evidence.proxies.every(({ state }) => state === "acknowledged")) watchedSince ??= now;
    const watched = watchedSince === undefined ? undefined : now - watchedSince;
    const verdict = judge(record, { ...evidence, age: now - Date.parse(record.startedAt), watched });
    standing = verdict.why;
    if (verdict.decision === "wait") return;
    // Somebody may have ended it while the others were asked.
    const { record: stored } = await o.store.read();
    if (stored?.state !== "running" || stored.bundle !== record.bundle) return;
    if (verdict.decision === "promote" && !(await o.promote(record.bundle, record.base)))
      return conclude(record, { decision: "withdraw", why: "another version became live meanwhile" });
    await conclude(record, verdict);
  }

  async function conclude(record: CanaryRecord, { decision, why }: Verdict): Promise<void> {
    const state = decision === "promote" ? "promoted" : "withdrawn";
    const ended = await o.store.end(record.bundle, { state, verdict: why, endedAt: new Date(o.clock.now()).toISOString() });
    if (!ended) return;
    const nodes = record.proxies.map(({ node }) => node).join(", ");
    o.audit().record({
      ...{ kind: "change", requestId: "", caller: { kind: "service", spiffeId: "legation-control-plane", address: "" } },
      ...{ action: `canary ${state}`, target: record.changed, outcome: "done", status: 200 },
      detail: { bundle: record.bundle, version: record.version, why, nodes },
    });
  }

  function tell(before: CanaryRecord | undefined, now: CanaryRecord): void {
    if (before?.bundle === now.bundle && before.startedAt === now.startedAt && before.state === now.state) return;
    const what = `canary of version ${now.version} (${now.changed.join(", ")})`;
    const nodes = now.proxies.map(({ node }) => node).join(", ");
    const detail = now.state === "running" ? `${what} begins on ${nodes}` : `${what} is ${now.state}: ${now.verdict}`;
    o.log.info({ event: `canary.${now.state}`, bundle: now.bundle, version: now.version, nodes, why: now.verdict }, detail);
    const { bundle, version, changed } = now;
    if (now.state === "running") {
      const details = { bundle, version, changed, nodes: now.proxies.map(({ node }) => node) };
      o.events.tell({ type: "canary.started", text: detail, details });
      return;
    }
    const severity = now.state === "withdrawn" ? "warning" : "info";
    o.events.tell({ type: `canary.${now.state}`, severity, text: detail, details: { bundle, version, verdict: now.verdict ?? "" } });
  }

  return {
    see(canary) {
      const before = seen?.record;
      seen = canary;
      if (canary && before?.bundle !== canary.record.bundle) watchedSince = undefined;
      if (canary?.record.state !== "running") standing = undefined;
      if (canary && (before || canary.record.state === "running")) tell(before, canary.record);
      update();
    },
    update,
    last: () => seen?.record,
    standing: () => standing,
    serves: (bundle) => serving?.bundle === bundle && o.clock.monotonic() - serving.since >= sentAfter,
    stop() {
      stopping.abort(new Error("the control plane stops"));
      timer?.cancel();
    },
  };
}
