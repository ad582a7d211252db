/** `legation policy sign`: an operator's signature under a proposal, after a look at what it says. */
import { readFileSync } from "node:fs";
import { signStatement } from "@legation/control-plane/policies";
import {
  type ApprovalStatement,
  contentHash,
  documentHash,
  documentKey,
  documentText,
  type PolicyDocument,
  readDocument,
} from "@legation/mesh/policy/documents";
import { LegationError, messageOf, option } from "@legation/runtime/command-line";
import { type ApiSettings, apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import { changesText, type DocumentChange } from "./changes-text.js";
import { filesOption, readPolicies } from "./files.js";
import { nameOfKeyFile } from "./keygen.js";

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
export const { run, page } = createCommand({
  operands: [{ name: "PROPOSAL", optional: true }],
  description:
    "Signs a proposal with an operator's key, which never leaves this machine. What is signed is worked out here, from the documents themselves, and " +
    "shown; without --key it is shown alone, and nothing is signed. With -f the proposal is the one by which the guarded documents are exactly those of " +
    "these files, which must hold all of them.",
  examples: [
    "legation policy sign 3f2a…",
    "legation policy sign 3f2a… --key alice.key",
    "legation policy sign -f strict.yaml --key alice.key --as alice",
  ],
  options: {
    files: filesOption,
    key: option.string({ description: "The private key that keygen wrote. Without it nothing is signed", unit: "file", flag: "--key" }),
    as: option.string({ description: "The key's name in --approval-keys. Default: the file's name without its ending", flag: "--as" }),
    ...apiOptions,
  },
  async answer(values, [id]) {
    const { files = [], key: file } = values;
    if ((id === undefined) === (files.length === 0))
      throw new LegationError("usage", "give either a proposal or files: legation policy sign PROPOSAL --key FILE");
    const proposal = id === undefined ? await proposalOf(readPolicies(files), values) : await proposalBy(id, values);
    checkStatement(proposal);
    const { mesh, sequence } = proposal.statement;
    // Whoever hides a change among these could not show them as they are.
    const whole = proposal.guarded.map((text) => `  ${text}\n`).join("");
    const signable = `approval ${sequence} of the mesh "${mesh}": all guarded documents as they are to be`;
    const what = `${changesText(proposal.changes)}\nA signature stands for ${signable}:\n${whole}\n`;
    if (file === undefined)
      return {
        json: { proposal: proposal.id, changes: proposal.changes, signed: [] },
        text: `${what}Nothing is signed. To sign: --key FILE\n`,
      };
    const { as = nameOfKeyFile(file) } = values;
    let pem: string;
    try {
      pem = readFileSync(file, "utf8");
    } catch (error) {
      throw new LegationError("usage", `--key ${file}: ${messageOf(error)}. Name the file that keygen wrote`);
    }
    const signature = signStatement(proposal.statement, pem);
    const path = `/api/policies/proposals/${proposal.id}/signatures`;
    const signed = await ask<{ signed: string[]; lacks: string[] }>(values, { method: "POST", path, body: { key: as, signature } });
    const next = signed.lacks.length > 0 ? `Still: ${signed.lacks.join("; ")}.` : `Enough: legation policy apply ${proposal.id}`;
    return {
      json: { proposal: proposal.id, changes: proposal.changes, ...signed },
      text: `${what}Signed by ${signed.signed.join(", ")}. ${next}\n`,
    };
  },
});

function proposalBy(id: string, settings: ApiSettings): Promise<ProposalView> {
  return ask<ProposalView>(settings, { path: `/api/policies/proposals/${encodeURIComponent(id)}` });
}

/** The proposal whose statement is for exactly these documents, by their own hashes and not by what the control plane says of them. */
async function proposalOf(documents: readonly PolicyDocument[], settings: ApiSettings): Promise<ProposalView> {
  const { proposals } = await ask<{ proposals: string[] }>(settings, { path: "/api/policies" });
  const wanted = new Map(documents.map((document) => [documentKey(document), documentHash(document)]));
  for (const id of proposals) {
    const proposal = await proposalBy(id, settings);
    const guarded = Object.entries(proposal.statement.documents);
    if (guarded.length > 0 && guarded.every(([key, hash]) => wanted.get(key) === hash)) return proposal;
  }
  const fix =
    'Make it with "legation policy apply -f", give the files of all guarded documents, or sign a proposal by its name after a look at it';
  throw new LegationError("policy.no-such-proposal", `no proposal is for guarded documents that are all as in these files. ${fix}`);
}

/** What is signed must be what is shown: the control plane that is asked need not be trusted. Throws LegationError `policy.dishonest`. */
function checkStatement({ statement, guarded, changes }: ProposalView): void {
  const dishonest = (what: string) => new LegationError("policy.dishonest", `${what}: nothing is signed. Ask another control plane`);
  const texts = new Map(
    guarded.map((text) => {
      const reading = readDocument(JSON.parse(text));
      if ("flaws" in reading || documentText(reading.document) !== text) throw dishonest("a guarded document cannot be read");
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
