/** Changing policies: what an operator asks for becomes a bundle, or a proposal that waits for signatures. */
import type { ChangeOutcome } from "@legation/contract/api";
import {
  type Approval,
  type ApprovalStatement,
  type BundleManifest,
  canonicalJson,
  changedKeys,
  type Documents,
  documentHash,
  guardedHashes,
  lacking,
  lackText,
  type PolicyDocument,
  policySet,
  rulesOf,
  type Signature,
  storedText,
} from "@legation/mesh/policy";
import { type Clock, LegationError } from "@legation/runtime";
import { type ApprovedState, signersOf } from "./approval-chain.js";
import type { ApprovalTrust } from "./approval-keys.js";
import { type Bundle, conflictsIn } from "./bundle.js";
import type { Proposals } from "./proposals.js";
import type { PolicyStore, ReadHead } from "./store.js";

/** What is to be changed. */
export interface PolicyChange {
  /** Documents that are to be as here. */
  readonly set: readonly PolicyDocument[];
  /** Keys (`Kind/name`) that are to go. */
  readonly remove?: readonly string[];
  /** True when everything that `set` does not hold is to go. */
  readonly replace?: boolean;
  readonly author: string;
  readonly reason: string;
  /** The bundle that the operator has looked at: refused when another one is live. */
  readonly expect?: string;
  /** In place of making the bundle live: called with its id, its manifest, and what it changes, once its blobs are in the store. */
  readonly canary?: (bundle: string, manifest: BundleManifest, changed: readonly string[]) => Promise<void>;
  /** Asked with all documents before and after, before anything is written: throws where not all that differs may be changed. */
  readonly permit?: (before: Documents, after: Documents) => Promise<void>;
}

/** Changes policies. Everything throws LegationError, ConsulError and PolicyRefusal. */
export interface PolicyEditor {
  /** `policy.invalid` when the result contradicts itself, `policy.conflict` when others change policies all the time or `expect` is not live. */
  change(change: PolicyChange): Promise<ChangeOutcome>;
  /** Makes a proposal live that has its signatures by now. */
  applyProposal(id: string): Promise<ChangeOutcome>;
  /**
   * Makes the documents of a bundle of the past live again, as a new bundle: also where the store holds what is refused, and then in place of
   * that, after the bundle that is in force here.
   */
  rollback(to: string, by: Pick<PolicyChange, "author" | "reason" | "permit">): Promise<ChangeOutcome>;
}

/** Attempts, when others change policies at the same time. */
const attempts = 8;

interface Signed {
  readonly statement: ApprovalStatement;
  readonly signatures: readonly Signature[];
}

/** Makes the editor. `known` is the last approval that this replica has taken, and `inForce` the last bundle. */
export function createPolicyEditor(o: {
  readonly store: PolicyStore;
  readonly proposals: Proposals;
  readonly trust: ApprovalTrust;
  readonly known: () => ApprovedState;
  readonly inForce: () => Bundle | undefined;
  readonly clock: Clock;
}): PolicyEditor {
  const { store, proposals, trust, clock } = o;

  function statementFor(head: ReadHead, after: Documents): ApprovalStatement | undefined {
    const documents = guardedHashes(after, [...trust.floor, ...rulesOf(after)]);
    const before = head.bundle?.approved;
    const covered = Object.fromEntries([...(before?.documents ?? [])].map(([key, document]) => [key, documentHash(document)]));
    if (canonicalJson(documents) === canonicalJson(covered)) return undefined;
    const sequence = Math.max(before?.sequence ?? 0, o.known().sequence) + 1;
    return { format: "legation-approval/1", mesh: trust.mesh, sequence, parent: before?.approval ?? null, documents };
  }

  /** Undefined when the head moved meanwhile. */
  async function attempt(change: PolicyChange, { signed, lastGood }: { signed?: Signed; lastGood?: Bundle | undefined }) {
    const head = await store.head(lastGood);
    const live = head.bundle;
    if (change.expect !== undefined && change.expect !== live?.id)
      throw new LegationError(
        "policy.conflict",
        `bundle ${change.expect} is not live any more; ${live?.id ?? "none"} is. Look at it, and try again`,
      );
    const before: Documents = live?.policies.documents ?? new Map();
    // Of what is refused the store may have lost anything.
    const stored = head.refused ? new Map() : before;
    const after = afterChange(before, change);
    const changed = changedKeys(before, after);
    const version = live?.manifest.version ?? 0;
    if (changed.length === 0 && !head.refused) return { state: "unchanged", bundle: live?.id ?? null, version } as const;

    await change.permit?.(before, after);
    const statement = statementFor(head, after);
    let approval = live?.approved.approval ?? null;
    // What nobody has to sign any more would go live by whoever may only read.
    if (signed && (!statement || canonicalJson(signed.statement) !== canonicalJson(statement)))
      throw new LegationError(
        "policy.conflict",
        "guarded policies have changed since it was proposed. Propose it again, and have it signed",
      );
    if (statement) {
      const record: Approval = { statement, signatures: signed?.signatures ?? [] };
      const guarded = new Map([...after].filter(([key]) => key in statement.documents));
      const lacks = lacking({
        before: live?.approved.documents ?? new Map(),
        after: guarded,
        floor: trust.floor,
        signers: signersOf(record, trust),
      });
      await store.putDocuments(after, stored);
      if (lacks.length > 0) return waiting(change, before, after, statement, lacks.map(lackText));
      approval = await store.put(storedText(record), "the approval");
    } else await store.putDocuments(after, stored);

    const documents = Object.fromEntries([...after].map(([key, document]) => [key, documentHash(document)]));
    const { author, reason } = change;
    const at = new Date(clock.now()).toISOString();
    const manifest = {
      format: "legation-bundle/1",
      version: version + 1,
      parent: live?.id ?? null,
      documents,
      approval,
      author,
      reason,
      at,
    } as const;
    if (change.canary) {
      const bundle = await store.put(storedText(manifest), "the list of all documents");
      await change.canary(bundle, manifest, changed);
      return { state: "canary", bundle, version: version + 1, changed } as const;
    }
    const bundle = await store.commit(manifest, head.index);
    return bundle === undefined ? undefined : ({ state: "accepted", bundle, version: version + 1, changed } as const);
  }

  async function waiting(
    { author, reason }: PolicyChange,
    before: Documents,
    after: Documents,
    statement: ApprovalStatement,
    lacks: readonly string[],
  ): Promise<ChangeOutcome> {
    const changed = changedKeys(before, after);
    const set = changed.flatMap((key) => {
      const document = after.get(key);
      return document ? [[key, documentHash(document)] as const] : [];
    });
    const remove = changed.filter((key) => !after.has(key));
    const at = new Date(clock.now()).toISOString();
    const proposal = await proposals.add({
      format: "legation-proposal/1",
      set: Object.fromEntries(set),
      remove,
      statement,
      author,
      reason,
      at,
    });
    return { state: "awaiting-approval", proposal, changed, lacks };
  }

  async function change(wanted: PolicyChange, by: { signed?: Signed; lastGood?: Bundle | undefined } = {}): Promise<ChangeOutcome> {
    for (let i = 0; i < attempts; i++) {
      const outcome = await attempt(wanted, by);
      if (outcome) return outcome;
    }
    throw new LegationError("policy.conflict", "others change policies at the same time. Try again");
  }

  return {
    change: (wanted) => change(wanted),
    async applyProposal(id) {
      const { proposal, signatures } = await proposals.get(id);
      const { statement, author, reason, remove } = proposal;
      const set = [...(await store.documents(proposal.set)).values()];
      const outcome = await change({ set, remove, author, reason }, { signed: { statement, signatures } });
      if (outcome.state === "awaiting-approval") {
        // What still lacks is the same proposal, and not another one.
        if (outcome.proposal !== id) await proposals.remove(outcome.proposal);
        return { ...outcome, proposal: id };
      }
      await proposals.remove(id);
      return outcome;
    },
    async rollback(to, by) {
      const lastGood = o.inForce();
      const documents = lastGood?.id === to ? lastGood.policies.documents : (await store.past(to)).documents;
      return change({ set: [...documents.values()], replace: true, ...by }, { lastGood });
    },
  };
}

/** The documents as they are after a change. Throws LegationError `policy.invalid`. */
export function afterChange(
  before: Documents,
  { set, remove = [], replace = false }: Pick<PolicyChange, "set" | "remove" | "replace">,
): Documents {
  const gone = remove.filter((key) => !before.has(key));
  if (gone.length > 0)
    throw new LegationError("policy.invalid", `there is no ${gone.join(", ")} to remove. "legation policy list" names what there is`);
  const kept = replace ? [] : [...before].filter(([key]) => !remove.includes(key)).map(([, document]) => document);
  const after = policySet([...kept, ...set]).documents;
  const conflicts = conflictsIn(after.values());
  if (conflicts.length > 0) throw new LegationError("policy.invalid", conflicts.join("; "));
  return after;
}
