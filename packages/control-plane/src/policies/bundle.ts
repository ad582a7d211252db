/** One bundle, read from the store and checked as a whole. */
import {
  type BundleManifest,
  conflictsOf,
  documentKey,
  type PolicyDocument,
  type PolicySet,
  pathText,
  policySet,
} from "@legation/mesh/policy";
import { type ApprovedState, checkApproval } from "./approval-chain.js";
import type { ApprovalTrust } from "./approval-keys.js";
import type { Blobs } from "./blobs.js";
import { PolicyRefusal } from "./refusal.js";

/** A bundle that may be in force. */
export interface Bundle {
  /** The hash of its manifest. */
  readonly id: string;
  readonly manifest: BundleManifest;
  readonly policies: PolicySet;
  /** What a replica that has taken it remembers of approvals. */
  readonly approved: ApprovedState;
}

/**
 * Reads a bundle. Throws a PolicyRefusal when anything of it is missing, is not what it was, is wrong, or lacks signatures, and ConsulError
 * when Consul does not answer.
 */
export async function readBundle(id: string, o: { blobs: Blobs; known: ApprovedState; trust: ApprovalTrust }): Promise<Bundle> {
  const manifest = await o.blobs.stored("manifest", id);
  const documents = await o.blobs.documents(manifest.documents);
  const [conflict] = conflictsIn(documents.values());
  if (conflict) throw new PolicyRefusal("policy.invalid", conflict);
  const approved = await checkApproval({ approval: manifest.approval, documents, known: o.known, trust: o.trust, reader: o.blobs });
  return { id, manifest, policies: policySet(documents.values()), approved };
}

/** What documents contradict each other in, a sentence for each. */
export function conflictsIn(documents: Iterable<PolicyDocument>): readonly string[] {
  return conflictsOf([...documents]).map(
    ({ kind, name, path, message }) => `${documentKey({ kind, name })}: ${pathText(path)}: ${message}`,
  );
}
