/** Whether the guarded documents of a bundle are those that enough operators have signed, and not those of an earlier approval. */
import { type Approval, type Documents, documentHash, guardedHashes, lacking, lackText, rulesOf, signedText } from "@legation/mesh/policy";
import type { ApprovalTrust } from "./approval-keys.js";
import { PolicyRefusal } from "./refusal.js";

/** The last approval that a replica has taken, with the documents that it covers. Kept over restarts. */
export interface ApprovedState {
  /** The approval's hash; null before the first. */
  readonly approval: string | null;
  /** 0 before the first. */
  readonly sequence: number;
  readonly documents: Documents;
}

/** Nothing was ever approved. */
export const nothingApproved: ApprovedState = { approval: null, sequence: 0, documents: new Map() };

/** Reads approvals and documents by their hashes. Throws a PolicyRefusal. */
export interface ApprovalReader {
  approval(hash: string): Promise<Approval>;
  documents(hashes: Readonly<Record<string, string>>): Promise<Documents>;
}

/** The keys whose signatures under an approval are good; each counts once. */
export function signersOf({ statement, signatures }: Approval, trust: ApprovalTrust): ReadonlySet<string> {
  const text = signedText(statement);
  return new Set(signatures.filter(({ key, signature }) => trust.verify(key, text, signature)).map(({ key }) => key));
}

/**
 * Checks a bundle's documents against its approval, and that against `known`, the last one taken. Resolves to the state to remember.
 * Throws a PolicyRefusal when the approval is missing, too old, of another mesh, or lacks signatures at any step from `known` on.
 */
export async function checkApproval(o: {
  readonly approval: string | null;
  readonly documents: Documents;
  readonly known: ApprovedState;
  readonly trust: ApprovalTrust;
  readonly reader: ApprovalReader;
}): Promise<ApprovedState> {
  const { documents, known, trust, reader } = o;
  const guarded = guardedHashes(documents, [...trust.floor, ...rulesOf(documents)]);
  if (o.approval === null) {
    const [first] = Object.keys(guarded);
    if (first !== undefined) throw unapproved(`${first} is guarded, and the bundle has no approval`);
    if (known.approval !== null) throw unapproved("the bundle has no approval any more, although one was in force");
    return known;
  }
  const { statement } = await reader.approval(o.approval);
  for (const [key, hash] of Object.entries(guarded))
    if (statement.documents[key] !== hash) throw unapproved(`${key} is guarded, and is not as it was signed`);
  for (const [key, hash] of Object.entries(statement.documents)) {
    const document = documents.get(key);
    if (!document || documentHash(document) !== hash) throw unapproved(`${key} was signed, and is ${document ? "another" : "gone"} now`);
  }
  const covered = new Map(Object.keys(statement.documents).flatMap((key) => [[key, documents.get(key)]] as const)) as Documents;
  if (o.approval !== known.approval) await walk(o.approval, known, trust, reader);
  return { approval: o.approval, sequence: statement.sequence, documents: covered };
}

/** Goes back from an approval until one that follows from what is known: each step must have the signatures that its changes need. */
async function walk(newest: string, known: ApprovedState, trust: ApprovalTrust, reader: ApprovalReader): Promise<void> {
  let hash = newest;
  for (;;) {
    const approval = await reader.approval(hash);
    const { statement } = approval;
    const { sequence, parent, mesh } = statement;
    if (mesh !== trust.mesh)
      throw unapproved(`approval ${sequence} is for mesh "${mesh}", and this one is "${trust.mesh}" by its --approval-keys`);
    if (sequence <= known.sequence)
      throw unapproved(`approval ${sequence} is old: ${known.sequence} was in force, and an approval cannot be used again`);
    const signers = signersOf(approval, trust);
    const after = await reader.documents(statement.documents);
    const lacks = (before: Documents) => lacking({ before, after, floor: trust.floor, signers });
    const since = lacks(known.documents);
    if (since.length === 0) return;
    const before = parent === null ? undefined : await reader.approval(parent);
    if (parent === null || !before) throw unapproved(since.map(lackText).join("; "));
    if (before.statement.sequence >= sequence) throw unapproved(`approval ${sequence} does not follow its parent`);
    const step = lacks(await reader.documents(before.statement.documents));
    if (step.length > 0) throw unapproved(step.map(lackText).join("; "));
    if (parent === known.approval) return;
    hash = parent;
  }
}

function unapproved(why: string): PolicyRefusal {
  return new PolicyRefusal(
    "policy.unapproved",
    `${why}. Have it signed with "legation policy sign", or go back with "legation policy rollback"`,
  );
}
