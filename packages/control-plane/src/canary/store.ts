/** The canary's record in Consul's KV. */
import type { Kv } from "@legation/consul";
import { type CanaryRecord, readStored, storedText } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import { canaryKey } from "../policies/blobs.js";

/** A record with the index by which it is changed. */
export interface StoredCanary {
  /** 0 where there is none. */
  readonly index: number;
  /** Undefined where there is none, or none that can be read. */
  readonly record: CanaryRecord | undefined;
}

/** The store. All of it throws ConsulError. */
export interface CanaryStore {
  read(): Promise<StoredCanary>;
  /** Begins one. Throws LegationError `policy.conflict` where another one runs. */
  begin(record: CanaryRecord): Promise<void>;
  /** Ends the running one of this bundle. False when it is not running any more, or somebody else has just changed it. */
  end(bundle: string, how: Pick<CanaryRecord, "state" | "verdict" | "endedAt">): Promise<boolean>;
}

/** Makes it. */
export function createCanaryStore(kv: Pick<Kv, "get" | "put">): CanaryStore {
  async function read(): Promise<StoredCanary> {
    const entry = await kv.get(canaryKey, { query: { consistent: true } });
    if (!entry) return { index: 0, record: undefined };
    return { index: entry.modifyIndex, record: recordIn(Buffer.from(entry.value).toString("utf8")) };
  }

  return {
    read,
    async begin(record) {
      const { index, record: last } = await read();
      const busy = new LegationError(
        "policy.conflict",
        'another canary runs. Wait for its end ("legation policy list" shows it), or end it with "legation policy withdraw"',
      );
      if (last?.state === "running") throw busy;
      if (!(await kv.put(canaryKey, storedText(record), { cas: index }))) throw busy;
    },
    async end(bundle, how) {
      const { index, record } = await read();
      if (record?.state !== "running" || record.bundle !== bundle) return false;
      return kv.put(canaryKey, storedText({ ...record, ...how }), { cas: index });
    },
  };
}

function recordIn(text: string): CanaryRecord | undefined {
  try {
    return readStored("canary", text);
  } catch {
    // Whatever it is, it is no canary that runs: the next one takes its place.
    return undefined;
  }
}
