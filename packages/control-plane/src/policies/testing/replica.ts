/** A replica without a process: an editor, and the bundle that it has taken. */

import type { Kv } from "@legation/consul";
import type { ChangeOutcome } from "@legation/contract/api";
import type { PolicyDocument } from "@legation/mesh/policy";
import { systemClock } from "@legation/runtime";
import { nothingApproved } from "../approval-chain.js";
import { type ApprovalTrust, noTrust, parseApprovalKeys } from "../approval-keys.js";
import { createBlobs, headKey } from "../blobs.js";
import { type Bundle, readBundle } from "../bundle.js";
import { createPolicyEditor } from "../editor.js";
import { headOf } from "../kv-source.js";
import { createProposals } from "../proposals.js";
import { createOperatorKey, signStatement } from "../signing-key.js";
import { createPolicyStore } from "../store.js";

/** Operators with keys; `trust` makes what a replica is started with. */
export function createOperators(...names: string[]) {
  const keys = new Map(names.map((name) => [name, createOperatorKey()]));
  const lines = [...keys].map(([name, { publicKey }]) => `key ${name} ${publicKey}`);
  return {
    keys,
    trust: (...more: string[]): ApprovalTrust => parseApprovalKeys("keys", [...lines, ...more].join("\n")),
  };
}

/** The operators. */
export type Operators = ReturnType<typeof createOperators>;

/** Makes a replica that has taken nothing yet. */
export function createReplica(kv: Kv, trust: ApprovalTrust = noTrust, clock = systemClock) {
  let taken: Bundle | undefined;
  const known = () => taken?.approved ?? nothingApproved;
  const blobs = createBlobs(kv);
  const store = createPolicyStore({ kv, blobs, trust, known, clock });
  const proposals = createProposals({ kv, blobs, store, trust });
  const editor = createPolicyEditor({ store, proposals, trust, known, inForce: () => taken, clock });
  return {
    store,
    proposals,
    editor,
    taken: () => taken,
    keys: () => [...(taken?.policies.documents.keys() ?? [])],
    /** Reads the head as the source does. Throws what the source would be refused with. */
    async take(): Promise<Bundle | undefined> {
      const entry = await kv.get(headKey);
      if (entry) taken = await readBundle(headOf(Buffer.from(entry.value).toString()), { blobs: createBlobs(kv), known: known(), trust });
      return taken;
    },
    apply: (...set: PolicyDocument[]) => editor.change({ set, author: "ann", reason: "test" }),
    remove: (...remove: string[]) => editor.change({ set: [], remove, author: "ann", reason: "test" }),
    /** Signs a proposal by these operators, and makes it live. */
    async approve(outcome: ChangeOutcome, operators: Operators, ...names: string[]): Promise<ChangeOutcome> {
      if (outcome.state !== "awaiting-approval") throw new Error(`it is ${outcome.state}, and waits for nobody`);
      const { proposal } = await proposals.get(outcome.proposal);
      for (const name of names) {
        const key = operators.keys.get(name)?.privatePem ?? "";
        await proposals.sign(outcome.proposal, { key: name, signature: signStatement(proposal.statement, key) });
      }
      return editor.applyProposal(outcome.proposal);
    },
  };
}

/** An `Identity` document. */
export function identity(name: string, mode: "off" | "permissive" | "strict", service?: string): PolicyDocument {
  return { apiVersion: "legation/v1", kind: "Identity", name, mode, ...(service ? { service } : {}) };
}

/** An `Access` document that guards all of `Identity`. */
export function access(required: number, ...keys: string[]): PolicyDocument {
  return { apiVersion: "legation/v1", kind: "Access", name: "guard", kinds: ["Identity"], approvals: { keys, required } };
}
