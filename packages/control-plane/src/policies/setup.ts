/** The policies of one control plane, put together: where they come from, how they are kept, and who changes them. */
import { join } from "node:path";
import type { Consul } from "@legation/consul";
import type { PolicySet } from "@legation/mesh/policy";
import { type Clock, LegationError, type Lifecycle, type Logger } from "@legation/runtime";
import type { Teller } from "../events/events.js";
import type { SecurityEvents } from "../security/events.js";
import { type ApprovalTrust, noTrust, readApprovalKeys } from "./approval-keys.js";
import { type Blobs, createBlobs } from "./blobs.js";
import { createPolicyEditor, type PolicyEditor } from "./editor.js";
import { createFilePolicySource } from "./file-source.js";
import { collectGarbage } from "./garbage.js";
import { createKvPolicySource, type PolicySource } from "./kv-source.js";
import { createLivePolicies, type LivePolicies } from "./live.js";
import { createProposals, type Proposals } from "./proposals.js";
import { createBundleFile, readSavedBundle } from "./saved-bundle.js";
import { createPolicyStore, type PolicyStore } from "./store.js";

/** Between two clean-ups of the store by one replica; milliseconds. */
const garbageInterval = 3_600_000;

/** What the API works with. */
export interface Policies {
  readonly live: LivePolicies;
  readonly trust: ApprovalTrust;
  /** Where the policies come from: `store`, or the directory. */
  readonly origin: string;
  /** For those who read and change the store. Throws LegationError `policy.files` when the policies come from files. */
  editing(): PolicyEditing;
  /** Puts the bundle of the last run in force. */
  restore(): void;
  start(): void;
}

/** The store, for those who read and change it. */
export interface PolicyEditing {
  readonly store: PolicyStore;
  readonly blobs: Blobs;
  readonly proposals: Proposals;
  readonly editor: PolicyEditor;
  /** Somebody has just changed the head: reads it at once, and now and then removes what nothing names. */
  changed(): void;
}

/** Makes them. `apply` gets each set that comes into force; `settled` is called once. Throws ConfigError. */
export async function createPolicies(o: {
  readonly directory: string | undefined;
  readonly approvalKeys: string | undefined;
  readonly stateDir: string;
  readonly consul: Consul;
  readonly apply: (policies: PolicySet) => void;
  readonly settled: () => void;
  readonly events: Teller;
  readonly security: Pick<SecurityEvents, "report">;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<Policies> {
  const { directory, clock, log, consul, lifecycle } = o;
  const trust = o.approvalKeys === undefined ? noTrust : readApprovalKeys(o.approvalKeys);
  const path = join(o.stateDir, "policies.json");
  const origin = directory ?? "store";
  const saved = await readSavedBundle(path, { origin, clock, log });
  const file = createBundleFile(path, origin, log);
  lifecycle.onStop("last good policies", 5_000, () => file.stop());

  const live = createLivePolicies({ ...o, save: (bundle) => file.save(bundle) });
  const blobs = createBlobs(consul.kv);
  const known = () => live.approved();
  const current = () => live.status().bundle;
  const source: PolicySource =
    directory === undefined
      ? createKvPolicySource({ consul, blobs, trust, known, current: () => current()?.id, watcher: live, clock })
      : createFilePolicySource({ directory, current, watcher: live, clock, log });
  lifecycle.onStop("policies", 1_000, () => {
    source.stop();
    live.stop();
  });

  const store = createPolicyStore({ kv: consul.kv, blobs, trust, known, clock });
  const proposals = createProposals({ kv: consul.kv, blobs, store, trust });
  const editor = createPolicyEditor({ store, proposals, trust, known, inForce: current, clock });
  let cleanedAt = Number.NEGATIVE_INFINITY;

  function changed(): void {
    source.refresh();
    if (clock.monotonic() - cleanedAt < garbageInterval) return;
    cleanedAt = clock.monotonic();
    collectGarbage(consul.kv, clock).then(
      (removed) =>
        log.info({ event: "policies.cleaned", removed }, `${removed} keys that nothing names are removed from the store of policies`),
      (error: unknown) => log.warn({ event: "policies.clean-failed", err: error }, "the store of policies cannot be cleaned up"),
    );
  }

  return {
    live,
    trust,
    origin,
    editing() {
      if (directory === undefined) return { store, blobs, proposals, editor, changed };
      throw new LegationError("policy.files", `the policies of this control plane are the files in ${directory}. Change them there`);
    },
    restore() {
      if (saved) live.restore(saved);
    },
    start: () => source.start(),
  };
}
