/** Follows `legation/policies/head` in Consul's KV: each bundle that becomes live there is read, checked, and told. */
import { type Consul, type KvRow, kvValue, watch } from "@legation/consul";
import { readStored } from "@legation/mesh/policy";
import { type Clock, createBackoff, messageOf } from "@legation/runtime";
import type { ApprovedState } from "./approval-chain.js";
import type { ApprovalTrust } from "./approval-keys.js";
import { type Blobs, headKey } from "./blobs.js";
import { type Bundle, readBundle } from "./bundle.js";
import { PolicyRefusal } from "./refusal.js";

/** Told of what the store says. */
export interface PolicyWatcher {
  /** All is well, and this bundle is live; undefined when it is none other than before. */
  onBundle(bundle: Bundle | undefined): void;
  /** What the head names is not to be taken; asked again until it is. `bundle` is its hash, where it has one. */
  onRefused(refusal: PolicyRefusal, bundle: string | undefined): void;
  /** Consul does not answer, or lets the token not read the key. */
  onLost(error: unknown): void;
}

/** The source. */
export interface PolicySource {
  start(): void;
  stop(): void;
  /** Reads the head again at once: somebody has just changed it. */
  refresh(): void;
}

type HeadRows = readonly KvRow[] | undefined;

/** Makes the source. `current` is the bundle in force, which need not be read again; `known` what was approved last. */
export function createKvPolicySource(o: {
  readonly consul: Pick<Consul, "get">;
  readonly blobs: Blobs;
  readonly trust: ApprovalTrust;
  readonly known: () => ApprovedState;
  readonly current: () => string | undefined;
  readonly watcher: PolicyWatcher;
  readonly clock: Clock;
}): PolicySource {
  const { watcher, blobs, trust } = o;
  const stopping = new AbortController();
  let running: { restart(): void } | undefined;

  async function take(rows: HeadRows): Promise<void> {
    const [row] = rows ?? [];
    let id: string | undefined;
    try {
      if (!row) {
        if (o.current() !== undefined)
          throw new PolicyRefusal(
            "policy.missing",
            `the store has lost ${headKey}. Put it back from a backup, or apply the policies again ("legation policy list --json" has them)`,
          );
        return watcher.onBundle(undefined);
      }
      id = headOf(kvValue(row).toString("utf8"));
      const bundle = id === o.current() ? undefined : await readBundle(id, { blobs, known: o.known(), trust });
      if (stopping.signal.aborted) return;
      watcher.onBundle(bundle);
    } catch (error) {
      if (error instanceof PolicyRefusal && !stopping.signal.aborted) watcher.onRefused(error, id);
      throw error;
    }
  }

  return {
    start() {
      running = watch<HeadRows>(
        o.consul,
        { path: `/kv/${headKey}`, missing: true },
        {
          onValue: take,
          onError(error) {
            if (!(error instanceof PolicyRefusal)) watcher.onLost(error);
          },
          signal: stopping.signal,
          clock: o.clock,
          backoff: createBackoff({ base: 500, max: 5_000 }),
        },
      );
    },
    stop: () => stopping.abort(new Error("the control plane stops")),
    refresh: () => running?.restart(),
  };
}

/** The bundle that the head names. Throws a PolicyRefusal. */
export function headOf(text: string): string {
  try {
    return readStored("head", text).bundle;
  } catch (error) {
    throw new PolicyRefusal("policy.tampered", `${headKey} cannot be read: ${messageOf(error)}`);
  }
}
