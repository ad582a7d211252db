/** Follows the canary's record in Consul's KV, with its bundle. */
import { type Consul, ConsulError, type KvRow, kvValue, watch } from "@legation/consul";
import { type CanaryRecord, readStored } from "@legation/mesh/policy";
import { type Clock, createBackoff, type Logger } from "@legation/runtime";
import type { ApprovedState } from "../policies/approval-chain.js";
import type { ApprovalTrust } from "../policies/approval-keys.js";
import { type Blobs, canaryKey } from "../policies/blobs.js";
import { type Bundle, readBundle } from "../policies/bundle.js";

/** The last canary. */
export interface SeenCanary {
  readonly record: CanaryRecord;
  /** As long as it runs; undefined also where it is not to be taken: the canary is served to nobody then, and judged by that. */
  readonly bundle: Bundle | undefined;
}

type Rows = readonly KvRow[] | undefined;

/** Begins to follow; `onCanary` gets each state. A record that cannot be read is no canary; the log says that, and which bundle is not to be taken. */
export function followCanary(o: {
  readonly consul: Pick<Consul, "get">;
  readonly blobs: Blobs;
  readonly trust: ApprovalTrust;
  readonly known: () => ApprovedState;
  readonly onCanary: (canary: SeenCanary | undefined) => void;
  /** Consul does not say. */
  readonly onLost: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}): { restart(): void; stop(): void } {
  const stopping = new AbortController();

  async function take(rows: Rows): Promise<void> {
    const [row] = rows ?? [];
    let seen: SeenCanary | undefined;
    try {
      if (row) {
        const record = readStored("canary", kvValue(row).toString("utf8"));
        seen = { record, bundle: undefined };
        if (record.state === "running") seen = { record, bundle: await readBundle(record.bundle, { ...o, known: o.known() }) };
      }
    } catch (error) {
      // Consul is asked again, and what runs goes on meanwhile.
      if (error instanceof ConsulError) throw error;
      o.log.error(
        { event: "canary.refused", err: error },
        "the canary in the store is not to be taken: its proxies keep the live policies",
      );
    }
    if (!stopping.signal.aborted) o.onCanary(seen);
  }

  const running = watch<Rows>(
    o.consul,
    { path: `/kv/${canaryKey}`, missing: true },
    {
      onValue: take,
      onError(error) {
        o.log.debug({ event: "canary.unknown", err: error }, "Consul does not say whether there is a canary");
        o.onLost();
      },
      signal: stopping.signal,
      clock: o.clock,
      backoff: createBackoff({ base: 500, max: 5_000 }),
    },
  );
  return { restart: () => running.restart(), stop: () => stopping.abort(new Error("the control plane stops")) };
}
