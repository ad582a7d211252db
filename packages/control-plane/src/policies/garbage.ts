/** Removing blobs that nothing names any more: late, and never one that somebody has just written again. */
import type { Kv, KvEntry } from "@legation/consul";
import { readStored } from "@legation/mesh/policy";
import type { Clock } from "@legation/runtime";
import { blobPrefix, canaryKey, headKey, policyPrefix } from "./blobs.js";
import { headOf } from "./kv-source.js";
import { proposalPrefix } from "./proposals.js";

/** What is kept. */
export interface Retention {
  /** Bundles whose documents stay, for `rollback`, beside the one that is live. */
  readonly bundles: number;
  /** How long a blob that nothing names stays, and a proposal that nobody makes live; milliseconds. */
  readonly unnamedMs: number;
  readonly proposalMs: number;
}

/** Five hundred bundles, a day, and thirty days. */
export const retention: Retention = { bundles: 500, unnamedMs: 86_400_000, proposalMs: 30 * 86_400_000 };

/**
 * Removes what is not kept, and returns how many keys that were. All approvals are kept, since each leads to the one before. Removes
 * nothing when it does not understand something that it would follow. Throws ConsulError.
 */
export async function collectGarbage(kv: Kv, clock: Clock, keep: Retention = retention): Promise<number> {
  const entries = await kv.list(policyPrefix);
  const blobs = new Map(
    entries.filter(({ key }) => key.startsWith(blobPrefix)).map((entry) => [entry.key.slice(blobPrefix.length), entry] as const),
  );
  const text = (entry: KvEntry | undefined) => (entry ? Buffer.from(entry.value).toString("utf8") : undefined);
  const named = new Set<string>();
  const age = ({ flags }: KvEntry) => clock.now() - flags;

  function followApprovals(from: string | null): void {
    for (let next = from; next !== null && !named.has(next); ) {
      named.add(next);
      const found = text(blobs.get(next));
      if (found === undefined) return;
      const { statement } = readStored("approval", found);
      for (const hash of Object.values(statement.documents)) named.add(hash);
      next = statement.parent;
    }
  }

  /** Returns the bundle before it. */
  function followBundle(id: string): string | null {
    named.add(id);
    const found = text(blobs.get(id));
    if (found === undefined) return null;
    const manifest = readStored("manifest", found);
    for (const hash of Object.values(manifest.documents)) named.add(hash);
    followApprovals(manifest.approval);
    return manifest.parent;
  }

  const head = text(entries.find(({ key }) => key === headKey));
  let next = head === undefined ? null : headOf(head);
  for (let kept = 0; next !== null && kept <= keep.bundles; kept++) next = followBundle(next);

  // What is tried may take days, and be live in the end.
  const tried = text(entries.find(({ key }) => key === canaryKey));
  const canary = tried === undefined ? undefined : readStored("canary", tried);
  if (canary?.state === "running") followBundle(canary.bundle);

  const old: KvEntry[] = [];
  for (const entry of entries) {
    if (!entry.key.startsWith(proposalPrefix)) continue;
    const [id = ""] = entry.key.slice(proposalPrefix.length).split("/");
    const blob = blobs.get(id);
    const found = text(blob);
    if (!blob || found === undefined || age(blob) > keep.proposalMs) {
      old.push(entry);
      continue;
    }
    named.add(id);
    const { set, statement } = readStored("proposal", found);
    for (const hash of [...Object.values(set), ...Object.values(statement.documents)]) named.add(hash);
  }

  for (const [hash, entry] of blobs) if (!named.has(hash) && age(entry) > keep.unnamedMs) old.push(entry);
  let removed = 0;
  // A blob that is written again meanwhile has another index, and stays.
  for (const { key, modifyIndex } of old) if (await kv.delete(key, { cas: modifyIndex })) removed++;
  return removed;
}
