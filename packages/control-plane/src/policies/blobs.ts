/** Content under its hash in Consul's KV: what is read is what was written, or it is refused. */

import type { Kv } from "@legation/consul";
import {
  type Approval,
  contentHash,
  type Documents,
  documentKey,
  pathText,
  readDocument,
  readStored,
  type Stored,
} from "@legation/mesh/policy";
import { messageOf } from "@legation/runtime";
import type { ApprovalReader } from "./approval-chain.js";
import { PolicyRefusal } from "./refusal.js";

/** Everything of the policies in KV stands below this. */
export const policyPrefix = "legation/policies/";
/** The one key that says which bundle is live. */
export const headKey = `${policyPrefix}head`;
/** The key of the last canary. It is changed by check-and-set alone. */
export const canaryKey = `${policyPrefix}canary`;
/** Blobs stand below this, by their SHA-256. */
export const blobPrefix = `${policyPrefix}blobs/`;

/** The largest blob; bytes. Consul takes no larger value. */
export const largestBlob = 512 * 1_024;

/** Texts kept in memory at most, so that a new bundle costs what it changed. */
const keptBlobs = 4_096;
/** Reads at once. */
const atOnce = 16;

/** The blobs. */
export interface Blobs extends ApprovalReader {
  /** The text under a hash. Throws PolicyRefusal `policy.missing` or `policy.tampered`, or ConsulError. */
  text(hash: string): Promise<string>;
  /** Reads and checks what a bundle consists of besides documents. Throws like `text`. */
  stored<K extends "manifest" | "approval" | "proposal">(kind: K, hash: string): Promise<Stored<K>>;
  /** The documents of a bundle, by key. Throws like `text`, and `policy.invalid` for documents that this version cannot read. */
  documents(hashes: Readonly<Record<string, string>>): Promise<Documents>;
}

/** Makes the reader. */
export function createBlobs(kv: Pick<Kv, "get">): Blobs {
  const kept = new Map<string, string>();

  async function text(hash: string): Promise<string> {
    const known = kept.get(hash);
    if (known !== undefined) return known;
    const entry = await kv.get(blobPrefix + hash);
    if (!entry)
      throw new PolicyRefusal(
        "policy.missing",
        `the store lacks ${blobPrefix}${hash}. Put it back, or go back with "legation policy rollback"`,
      );
    if (contentHash(entry.value) !== hash)
      throw new PolicyRefusal("policy.tampered", `what the store holds at ${blobPrefix}${hash} is not what was written there`);
    const found = Buffer.from(entry.value).toString("utf8");
    kept.set(hash, found);
    for (const oldest of kept.keys()) if (kept.size > keptBlobs) kept.delete(oldest);
    return found;
  }

  async function stored<K extends "manifest" | "approval" | "proposal">(kind: K, hash: string): Promise<Stored<K>> {
    const found = await text(hash);
    try {
      return readStored(kind, found);
    } catch (error) {
      throw new PolicyRefusal("policy.tampered", `${blobPrefix}${hash} is no ${kind}: ${messageOf(error)}`);
    }
  }

  return {
    text,
    stored,
    approval: (hash): Promise<Approval> => stored("approval", hash),
    async documents(hashes) {
      const entries = Object.entries(hashes).sort(([a], [b]) => (a < b ? -1 : 1));
      const found: (readonly [string, ReturnType<typeof parse>])[] = [];
      for (let i = 0; i < entries.length; i += atOnce)
        found.push(
          ...(await Promise.all(entries.slice(i, i + atOnce).map(async ([key, hash]) => [key, parse(key, await text(hash))] as const))),
        );
      return new Map(found);
    },
  };
}

function parse(key: string, text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PolicyRefusal("policy.tampered", `${key} is no JSON: ${messageOf(error)}`);
  }
  const reading = readDocument(value);
  if ("flaws" in reading) {
    const why = reading.flaws.map(({ path, message }) => `${pathText(path)}: ${message}`).join("; ");
    throw new PolicyRefusal("policy.invalid", `${key}: ${why}. If a newer Legation wrote it, update this control plane`);
  }
  if (documentKey(reading.document) !== key)
    throw new PolicyRefusal("policy.tampered", `what the bundle calls ${key} is ${documentKey(reading.document)}`);
  return reading.document;
}
