/** Changes that wait for signatures: kept in the store, so that operators sign at any replica. */
import type { Kv } from "@legation/consul";
import { type Proposal, type Signature, signedText, storedText } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { ApprovalTrust } from "./approval-keys.js";
import { type Blobs, policyPrefix } from "./blobs.js";
import type { PolicyStore } from "./store.js";

/** Each proposal has a key below this, and below that one the signatures, by the key's name. */
export const proposalPrefix = `${policyPrefix}proposals/`;

/** A Consul that does not answer within this time is asked for no list; milliseconds. */
const listLimit = 2_000;

/** A proposal with the signatures that are good. */
export interface SignedProposal {
  readonly id: string;
  readonly proposal: Proposal;
  readonly signatures: readonly Signature[];
}

/** The proposals. Everything throws ConsulError. */
export interface Proposals {
  /** Keeps a proposal and returns its name. */
  add(proposal: Proposal): Promise<string>;
  /** Throws LegationError `policy.no-such-proposal`. */
  get(id: string): Promise<SignedProposal>;
  /** The names of all. */
  list(): Promise<readonly string[]>;
  /** Adds a signature. Throws LegationError `policy.bad-signature` when it is none of a key that this replica trusts. */
  sign(id: string, signature: Signature): Promise<SignedProposal>;
  /** Forgets a proposal and its signatures. */
  remove(id: string): Promise<void>;
}

/** Makes the collection. */
export function createProposals(o: { kv: Kv; blobs: Blobs; store: Pick<PolicyStore, "put">; trust: ApprovalTrust }): Proposals {
  const { kv, blobs, store, trust } = o;

  async function get(id: string): Promise<SignedProposal> {
    const entries = /^[0-9a-f]{64}$/.test(id) ? await kv.list(proposalPrefix + id) : [];
    if (entries.length === 0)
      throw new LegationError(
        "policy.no-such-proposal",
        `no proposal ${id} waits for signatures. "legation policy list" names those that do`,
      );
    const proposal = await blobs.stored("proposal", id);
    const text = signedText(proposal.statement);
    const signatures = entries
      .filter(({ key }) => key.startsWith(`${proposalPrefix}${id}/`))
      .map(({ key, value }) => ({ key: key.slice(proposalPrefix.length + id.length + 1), signature: Buffer.from(value).toString("utf8") }))
      .filter(({ key, signature }) => trust.verify(key, text, signature));
    return { id, proposal, signatures };
  }

  return {
    get,
    async add(proposal) {
      const id = await store.put(storedText(proposal), "the proposal");
      await kv.put(proposalPrefix + id, "");
      return id;
    },
    async list() {
      const entries = await kv.list(proposalPrefix, { timeoutMs: listLimit });
      return entries.map(({ key }) => key.slice(proposalPrefix.length)).filter((id) => !id.includes("/"));
    },
    async sign(id, { key, signature }) {
      const { proposal } = await get(id);
      if (!trust.verify(key, signedText(proposal.statement), signature)) {
        const known = trust.keys.length > 0 ? `It trusts ${trust.keys.join(", ")}` : "It was started without --approval-keys";
        const why = trust.keys.includes(key) ? `is not one of ${key}` : `is of ${key}, whom this control plane does not know. ${known}`;
        throw new LegationError("policy.bad-signature", `the signature ${why}`);
      }
      await kv.put(`${proposalPrefix}${id}/${key}`, signature);
      return get(id);
    },
    async remove(id) {
      for (const { key } of await kv.list(proposalPrefix + id)) await kv.delete(key);
    },
  };
}
