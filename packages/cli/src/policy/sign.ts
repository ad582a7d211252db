/** `legation policy sign`: an operator's signature under a proposal, after a look at what it says. */
import { readFileSync } from "node:fs";
import { signStatement } from "@legation/control-plane/policies";
import { type ApprovalStatement, contentHash, documentKey, documentText, type PolicyDocument, readDocument } from "@legation/mesh/policy";
import { LegationError, messageOf, option } from "@legation/runtime";
import { type ApiSettings, apiOptions, ask } from "../api.js";
import { changesText, type DocumentChange } from "./changes-text.js";
import { filesOption, readPolicies } from "./files.js";
import { nameOfKeyFile } from "./keygen.js";
import { subcommand } from "./subcommand.js";

interface ProposalView {
  readonly id: string;
  readonly author: string;
  readonly reason: string;
  readonly changes: readonly DocumentChange[];
  readonly statement: ApprovalStatement;
  /** The guarded documents, each as the text that was hashed. */
  readonly guarded: readonly string[];
}

/** Signs. */
export const run = subcommand({
  name: "sign",
  words: "[PROPOSAL]",
  maxWords: 1,
  summary:
    "Signs a proposal with an operator's key, which never leaves this machine. What is signed is worked out here, from the documents themselves, and " +
    "shown. With -f the proposal is the one that sets exactly the documents of these files.",
  examples: ["legation policy sign 3f2a… --key alice.key", "legation policy sign -f strict.yaml --key alice.key --as alice"],
  options: {
    files: filesOption,
    key: option.string({ description: "The private key that keygen wrote", required: true, unit: "file", flag: "--key" }),
    as: option.string({ description: "The key's name in --approval-keys. Default: the file's name without its ending", flag: "--as" }),
    ...apiOptions,
  },
  async answer(values, [id]) {
    const { files = [], key: file, as = nameOfKeyFile(file) } = values;
    if ((id === undefined) === (files.length === 0))
      throw new LegationError("usage", "give either a proposal or files: legation policy sign PROPOSAL --key FILE");
    const proposal = id === undefined ? await proposalOf(readPolicies(files), values) : await proposalBy(id, values);
    checkStatement(proposal);
    let pem: string;
    try {
      pem = readFileSync(file, "utf8");
    } catch (error) {
      throw new LegationError("usage", `--key ${file}: ${messageOf(error)}. Name the file that keygen wrote`);
    }
    const signature = signStatement(proposal.statement, pem);
    const path = `/v1/policies/proposals/${proposal.id}/signatures`;
    const signed = await ask<{ signed: string[]; lacks: string[] }>(values, { method: "POST", path, body: { key: as, signature } });
    // Whoever hides a change among these could not show them as they are.
    const whole = proposal.guarded.map((text) => `  ${text}\n`).join("");
    const what = `${changesText(proposal.changes)}\nThe signature stands for all guarded documents as they are to be:\n${whole}\nSigned by ${signed.signed.join(", ")}. `;
    const next = signed.lacks.length > 0 ? `Still: ${signed.lacks.join("; ")}.` : `Enough: legation policy apply ${proposal.id}`;
    return { json: { proposal: proposal.id, changes: proposal.changes, ...signed }, text: `${what}${next}\n` };
  },
});

function proposalBy(id: string, settings: ApiSettings): Promise<ProposalView> {
  return ask<ProposalView>(settings, { path: `/v1/policies/proposals/${encodeURIComponent(id)}` });
}

/** The proposal that changes policies to exactly these documents. */
async function proposalOf(documents: readonly PolicyDocument[], settings: ApiSettings): Promise<ProposalView> {
  const { proposals } = await ask<{ proposals: string[] }>(settings, { path: "/v1/policies" });
  const wanted = new Map(documents.map((document) => [documentKey(document), documentText(document)]));
  for (const id of proposals) {
    const proposal = await proposalBy(id, settings);
    if (proposal.changes.every(({ document, after }) => after !== null && wanted.get(document) === documentText(after))) return proposal;
  }
  throw new LegationError("policy.no-such-proposal", 'no proposal says what these files say. Make it with "legation policy apply -f"');
}

/** What is signed must be what is shown: the control plane that is asked need not be trusted. Throws LegationError `policy.dishonest`. */
function checkStatement({ statement, guarded, changes }: ProposalView): void {
  const dishonest = (what: string) => new LegationError("policy.dishonest", `${what}: nothing is signed. Ask another control plane`);
  const texts = new Map(
    guarded.map((text) => {
      const reading = readDocument(JSON.parse(text));
      if ("flaws" in reading) throw dishonest("a guarded document cannot be read");
      return [documentKey(reading.document), text];
    }),
  );
  for (const [key, hash] of Object.entries(statement.documents))
    if (contentHash(texts.get(key) ?? "") !== hash) throw dishonest(`the statement names another ${key} than is shown`);
  for (const { document, after } of changes) {
    const text = texts.get(document);
    if (text !== undefined && (after === null || documentText(after) !== text))
      throw dishonest(`${document} is shown otherwise than it is to be signed`);
  }
}
