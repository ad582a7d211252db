/** What stands in the store: bundles, the approvals of guarded documents, proposals that wait for them, and the head. */
import { z } from "zod";
import { canonicalJson } from "../canonical.js";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const hashes = z.record(z.string(), hash);
const time = z.iso.datetime();
const words = z.string().max(1_024);

const statement = z
  .strictObject({
    format: z.literal("legation-approval/1"),
    mesh: words,
    sequence: z.int().min(1),
    parent: hash.nullable(),
    documents: hashes,
  })
  .readonly();

/**
 * What operators sign, as its canonical JSON: every guarded document as it is to be, and the approval before it. `sequence` grows by one
 * each time, so that an approval that others have followed can never be used again. `mesh` keeps one mesh's approvals out of another's.
 */
export type ApprovalStatement = z.output<typeof statement>;

const signature = z.strictObject({ key: words, signature: z.base64() }).readonly();

/** A signature under a statement: the key's name, and Ed25519 in base64. */
export type Signature = z.output<typeof signature>;

const approval = z.strictObject({ statement, signatures: z.array(signature).max(100).readonly() }).readonly();

/** A statement with its signatures. Its hash is what bundles and later statements name it by. */
export type Approval = z.output<typeof approval>;

const manifest = z
  .strictObject({
    format: z.literal("legation-bundle/1"),
    version: z.int().min(1),
    parent: hash.nullable(),
    documents: hashes,
    approval: hash.nullable(),
    author: words,
    reason: words,
    at: time,
  })
  .readonly();

/** One bundle: all documents that are in force together, by hash. `parent` is the bundle before it. Its own hash is its name. */
export type BundleManifest = z.output<typeof manifest>;

const proposal = z
  .strictObject({
    format: z.literal("legation-proposal/1"),
    set: hashes,
    remove: z.array(z.string()).readonly(),
    statement,
    author: words,
    reason: words,
    at: time,
  })
  .readonly();

/** A change that waits for signatures under its statement. */
export type Proposal = z.output<typeof proposal>;

const headSchema = z.strictObject({ format: z.literal("legation-head/1"), bundle: hash }).readonly();

/** The one value that says which bundle is live. */
export type StoreHead = z.output<typeof headSchema>;

const count = z.int().min(0);
const canaryTerms = z.strictObject({ window: count, requests: count, limit: count }).readonly();

/**
 * By what a canary is judged: seconds over which figures are compared, from the last acknowledgement; the requests that the canary proxies of
 * each service must have answered in it (with 0 the acknowledgement alone counts); seconds after which it goes back if it cannot be judged.
 */
export type CanaryTerms = z.output<typeof canaryTerms>;

const canary = z
  .strictObject({
    format: z.literal("legation-canary/1"),
    bundle: hash,
    base: hash.nullable(),
    version: z.int().min(1),
    changed: z.array(z.string()).readonly(),
    proxies: z.array(z.strictObject({ node: z.string(), service: z.string() }).readonly()).readonly(),
    terms: canaryTerms,
    author: words,
    reason: words,
    startedAt: time,
    state: z.enum(["running", "promoted", "withdrawn"]),
    verdict: z.string(),
    endedAt: time.nullable(),
  })
  .readonly();

/**
 * A bundle that `proxies` alone have (`<Consul node>/<service id>`, with their services), beside the live one, which is `base`. `verdict` says in
 * a sentence why it was promoted or withdrawn.
 */
export type CanaryRecord = z.output<typeof canary>;

const readers = { manifest, approval, proposal, canary, head: headSchema } as const;

/** What can be read from the store. */
export type Stored<K extends keyof typeof readers> = z.output<(typeof readers)[K]>;

/** Reads one thing of the store. Throws an Error that says at which path it is not what it should be. */
export function readStored<K extends keyof typeof readers>(kind: K, text: string): Stored<K> {
  const read = readers[kind].safeParse(JSON.parse(text));
  if (read.success) return read.data as Stored<K>;
  const [issue] = read.error.issues;
  throw new Error(`${issue?.path.map(String).join(".") || "the whole"}: ${issue?.message}`);
}

/** The text of one thing, for the store. */
export function storedText(value: BundleManifest | Approval | Proposal | CanaryRecord | StoreHead): string {
  return canonicalJson(value);
}

/** The text that a signature is made over. */
export function signedText(value: ApprovalStatement): string {
  return canonicalJson(value);
}
