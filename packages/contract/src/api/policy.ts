/** Policies over HTTP: what is in force, what was, what waits for signatures, and what became of a change. */
import { z } from "zod";
import { quarantineView } from "./quarantine.js";
import { count, nextCursor, time } from "./scalar.js";
import type { View } from "./view.js";

/** The hash of something in the store. */
export const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe("SHA-256, in hexadecimal digits.");

/** The version of a bundle, or the first digits of its hash. */
export const bundleReference = z
  .string()
  .regex(/^([0-9]{1,9}|[0-9a-f]{6,64})$/)
  .describe("A bundle: its version, or at least 6 digits of its hash.");

/** Words of an operator. */
export const words = z.string().max(1_024);

/** One policy as it is written. */
export const policyDocument = z
  .looseObject({ apiVersion: z.string(), kind: z.string(), name: z.string() })
  .meta({ id: "PolicyDocument", description: "One policy; `legation policy schema` prints the JSON Schema of each kind." });

/** The answer of `GET /api/policies/documents`. */
export const policyDocumentList = z
  .object({ total: count.describe("Policies on all pages."), nextCursor, documents: z.array(policyDocument) })
  .meta({ id: "PolicyDocumentList", description: "The policies in force, in pages by `Kind/name`." });

/** A bundle: all documents that are in force together. */
export const bundleView = z
  .object({
    id: hash,
    version: z.int().min(1).describe("One more than that of the bundle before it."),
    author: z.string(),
    reason: z.string(),
    at: time,
    approval: hash.nullable().describe("The signed approval of the guarded documents in it."),
  })
  .meta({ id: "BundleView", description: "A bundle: all documents that are in force together." });
/** See `bundleView`. */
export type BundleView = View<typeof bundleView>;

/** One document that differs between two bundles. */
export const documentChange = z
  .object({
    document: z.string().describe("`Kind/name`."),
    before: policyDocument.nullable(),
    after: policyDocument.nullable(),
  })
  .meta({ id: "DocumentChange", description: "One document that differs between two bundles." });
/** See `documentChange`. */
export type DocumentChange = View<typeof documentChange>;

/** By what a canary is judged. */
export const canaryTerms = z
  .object({
    window: count.describe("Over so long the figures are compared, from the last acknowledgement; seconds."),
    requests: count.describe(
      "So many requests the canary proxies of each service must have answered in it; with 0 the acknowledgement alone counts.",
    ),
    limit: count.describe("After so long it goes back if it cannot be judged; seconds."),
  })
  .meta({ id: "CanaryTerms", description: "By what a canary is judged." });

/** A bundle that few proxies have beside the live one. */
export const canaryView = z
  .object({
    format: z.literal("legation-canary/1"),
    bundle: hash,
    base: hash.nullable().describe("The live bundle beside which it is tried."),
    version: z.int().min(1),
    changed: z.array(z.string()).describe("The documents that it changes."),
    proxies: z.array(z.object({ node: z.string(), service: z.string() })).describe("The proxies that have it."),
    terms: canaryTerms,
    author: z.string(),
    reason: z.string(),
    startedAt: time,
    state: z.enum(["running", "promoted", "withdrawn"]),
    verdict: z.string().describe("Why it was promoted or withdrawn, in a sentence."),
    endedAt: time.nullable(),
    standing: z.string().nullable().describe("What it still waits for, while it runs."),
  })
  .meta({ id: "CanaryView", description: "A bundle that few proxies have beside the live one, until it is judged." });
/** See `canaryView`. */
export type CanaryView = View<typeof canaryView>;

/** The answer of `GET /api/policies`. */
export const policyList = z
  .object({
    origin: z.string().describe("Where they come from: `store`, or the directory."),
    bundle: bundleView.nullable().describe("What is in force; null with files, and before the first change."),
    documents: z.array(policyDocument),
    problem: z.string().nullable().describe("Why what is in the store is not in force."),
    quarantined: z.array(quarantineView).describe("What proxies refused."),
    silent: z.array(z.string()).describe("Control planes that did not say what their proxies refused, each with the reason."),
    canary: canaryView.nullable().describe("The running or the last one."),
    proposals: z.array(hash).describe("Changes that wait for signatures."),
    approvalKeys: z.array(z.string()).describe("The operators whose signatures count here."),
  })
  .meta({ id: "PolicyList", description: "The policies in force, and what is going on with them." });
/** See `policyList`. */
export type PolicyList = View<typeof policyList>;

/** The answer of `GET /api/policies/history`. */
export const policyHistory = z
  .object({ bundles: z.array(bundleView).describe("The newest first.") })
  .meta({ id: "PolicyHistory", description: "The bundles that were in force." });
/** See `policyHistory`. */
export type PolicyHistory = View<typeof policyHistory>;

/** The answer of `GET /api/policies/diff`. */
export const policyDifference = z
  .object({ changes: z.array(documentChange) })
  .meta({ id: "PolicyDifference", description: "What differs between two bundles." });
/** See `policyDifference`. */
export type PolicyDifference = View<typeof policyDifference>;

/** What is odd about policies that are right. */
export const finding = z
  .object({
    code: z.string().describe("Stable name, for programs."),
    severity: z.enum(["warning", "info"]).describe("`warning`: it will probably not do what is meant. `info`: good to know."),
    document: z.string().describe("`Kind/name`: the document that can mend it."),
    path: z.string().describe("The place in it."),
    message: z.string().describe("What is odd, and the fix."),
  })
  .meta({ id: "Finding", description: "Something odd about policies that are right." });

/** The answer of `POST /api/policies/check`. */
export const policyFindings = z
  .object({ warnings: z.array(finding) })
  .meta({ id: "PolicyFindings", description: "What is odd about documents beside those in force and the registry." });

/** A change that waits for signatures. */
export const proposalView = z
  .object({
    id: hash,
    author: z.string(),
    reason: z.string(),
    at: time,
    changes: z.array(documentChange),
    statement: z
      .object({
        format: z.literal("legation-approval/1"),
        mesh: z.string(),
        sequence: z.int().min(1),
        parent: hash.nullable(),
        documents: z.record(z.string(), hash),
      })
      .describe("What operators sign, as its canonical JSON."),
    guarded: z.array(z.string()).describe("The guarded documents as they would be, in canonical JSON."),
    signed: z.array(z.string()).describe("The keys that have signed."),
  })
  .meta({ id: "ProposalView", description: "A change that waits for signatures." });
/** See `proposalView`. */
export type ProposalView = View<typeof proposalView>;

/** The answer to a signature. */
export const signatureAnswer = z
  .object({
    proposal: hash,
    signed: z.array(z.string()).describe("The keys that have signed."),
    lacks: z.array(z.string()).describe("What is still missing, a sentence for each rule."),
  })
  .meta({ id: "SignatureAnswer", description: "How a proposal stands after a signature." });
/** See `signatureAnswer`. */
export type SignatureAnswer = View<typeof signatureAnswer>;

const live = { bundle: hash, version: z.int() };
const changed = z.array(z.string()).describe("The documents that changed: `Kind/name`.");

/** What became of a change. */
export const changeOutcome = z
  .discriminatedUnion("state", [
    z.object({ state: z.literal("unchanged"), bundle: hash.nullable(), version: count }),
    z.object({ state: z.literal("accepted"), ...live, changed }),
    z.object({ state: z.literal("canary"), ...live, changed }),
    z.object({
      state: z.literal("awaiting-approval"),
      proposal: hash,
      changed,
      lacks: z.array(z.string()).describe("What is missing, a sentence for each rule."),
    }),
  ])
  .meta({ id: "ChangeOutcome", description: "What became of a change: live, tried at few proxies first, or waiting for signatures." });
/** See `changeOutcome`. */
export type ChangeOutcome = View<typeof changeOutcome>;

const warnings = z.array(finding).describe("What is odd about what was asked for.");

/** The answer of `POST /api/policies/apply`. */
export const applyOutcome = z
  .discriminatedUnion("state", [
    z.object({ state: z.literal("dry-run"), changes: z.array(documentChange), warnings }),
    ...changeOutcome.options.map((option) => option.extend({ warnings })),
  ])
  .meta({ id: "ApplyOutcome", description: "What became of a change, or would become of it with `dryRun`." });

/** What a request may say of a canary. */
export const canaryWish = z
  .strictObject({
    window: z.int().min(0).max(86_400).optional().describe("Seconds; 60 unless given."),
    requests: z.int().min(0).max(1_000_000_000).optional().describe("100 unless given."),
    limit: z.int().min(1).max(604_800).optional().describe("Seconds; 600 unless given."),
  })
  .meta({ id: "CanaryWish", description: "By what a canary is to be judged (see CanaryTerms)." });
/** See `canaryWish`. */
export type CanaryWish = View<typeof canaryWish>;

const documents = z.array(z.unknown()).max(5_000).optional().describe("Policies to set; each is checked by the schema of its kind.");
const remove = z.array(z.string().max(256)).max(5_000).optional().describe("Policies to remove: `Kind/name`.");
const replace = z.boolean().optional().describe("Removes what `documents` does not hold.");

/** The documents of a change. */
export const documentsBody = z.strictObject({ documents, remove, replace });

/** A change of policies. */
export const changeBody = documentsBody
  .extend({
    dryRun: z.boolean().optional().describe("Answers what would change, and changes nothing."),
    canary: canaryWish.optional().describe("Begins a canary, and has it judged, before the change is made."),
    expect: hash.optional().describe("The bundle that must be live, or nothing is changed."),
    author: words.optional().describe("Who, for the history, where no ACL token says it."),
    reason: words.optional().describe("Why, for the history."),
  })
  .meta({ id: "PolicyChange", description: "A change of policies." });
/** See `changeBody`. */
export type ChangeBody = View<typeof changeBody>;

/** A way back. */
export const rollbackBody = z
  .strictObject({
    to: words.describe("The bundle whose documents are to be in force again: its version or hash."),
    author: words.optional(),
    reason: words.optional(),
  })
  .meta({ id: "PolicyRollback", description: "A way back to what was in force." });

/** How far a bundle has come. */
export const liveness = z
  .object({
    proxies: count.describe("Connected proxies of the replicas that answered."),
    live: count.describe("Those that have acknowledged everything that the bundle's policies compile to."),
    laggards: z.array(z.string()).describe("The first of the others, by node ID."),
    replicas: count.describe("Replicas that answered."),
    inForce: count.describe("Those of them in which the bundle is in force."),
    silent: z.array(z.string()).describe("Replicas that did not answer, and why."),
    refused: z.array(z.string()).describe("Replicas that refuse the bundle, and why."),
    quarantined: z
      .array(quarantineView)
      .optional()
      .describe("What proxies refused, whenever that was: its last good version is in force. Absent from a replica of an earlier version."),
  })
  .meta({ id: "Liveness", description: "How far a bundle has come, at all replicas." });
/** See `liveness`. */
export type Liveness = View<typeof liveness>;

/** The answer to the withdrawal of a canary. */
export const withdrawal = z
  .object({ bundle: hash, version: z.int(), verdict: z.string() })
  .meta({ id: "CanaryWithdrawal", description: "A canary that was ended." });
