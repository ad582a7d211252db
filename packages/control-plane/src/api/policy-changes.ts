/** Changing policies over HTTP: apply, roll back, sign. */
import { applyOutcome, changeBody, changeOutcome, rollbackBody, signatureAnswer } from "@legation/contract/api";
import {
  type Documents,
  documentKey,
  type Finding,
  lacking,
  lackText,
  type PolicyDocument,
  pathText,
  readDocument,
} from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { afterChange } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { approvePolicies, replacePolicies, writeNamedPolicies } from "../security/right.js";
import { documentChanges, findBundle, proposalParams } from "./policies.js";
import { authorOf, permitFor, statusOf, told } from "./policy-author.js";
import { beginCanary, type CanaryParts } from "./policy-canary.js";
import { answering, changeProblems } from "./policy-problem.js";
import { findingsOf, type Registry } from "./policy-warnings.js";
import { addRoute } from "./route.js";

/** The largest request; bytes. */
export const changeLimit = 8 * 1_024 * 1_024;

/** Adds the routes. Each answers with what became of the change: 200 for what is live, 202 for what waits for signatures. */
export function addPolicyChangeRoutes(app: FastifyInstance, policies: Policies & CanaryParts, registry: Registry): void {
  addRoute(
    app,
    {
      method: "POST",
      path: "/api/policies/apply",
      tag: "policies",
      summary: "Change policies",
      description: "All of it comes into force together, or nothing.",
      right: writeNamedPolicies,
      body: changeBody,
      bodyLimit: changeLimit,
      answers: { 200: applyOutcome, 202: pendingOutcome },
      problems: refusals,
    },
    (request, reply) =>
      answering(
        reply,
        async () => {
          const { editor, changed } = policies.editing();
          const { documents = [], remove = [], replace = false, dryRun = false, canary, expect, author = "", reason = "" } = request.body;
          const set = readDocuments(documents);
          if (dryRun) {
            const before = policies.live.policies().documents;
            const after = afterChange(before, { set, remove, replace });
            await permitFor(request)(before, after);
            const warnings = await findingsOf(request, registry, { before, after, set });
            return { state: "dry-run", changes: documentChanges(before, after), warnings };
          }
          const permitted = permitFor(request);
          let warnings: readonly Finding[] = [];
          const permit = async (before: Documents, after: Documents) => {
            await permitted(before, after);
            warnings = await findingsOf(request, registry, { before, after, set });
          };
          const change = {
            ...{ set, remove, replace, reason, author: authorOf(request, author), permit },
            ...(expect ? { expect } : {}),
          };
          if (!canary) return { ...(await told(request, editor.change(change), changed)), warnings };
          const closed = new AbortController();
          reply.raw.once("close", () => closed.abort(new Error("nobody waits for the answer any more")));
          const begun = await told(request, beginCanary(change, canary, { documents, remove, replace }, policies, closed.signal), changed);
          return { ...begun, warnings };
        },
        statusOf,
      ),
  );

  addRoute(
    app,
    {
      method: "POST",
      path: "/api/policies/rollback",
      tag: "policies",
      summary: "Put an earlier bundle in force again",
      right: replacePolicies,
      body: rollbackBody,
      answers: { 200: changeOutcome, 202: pendingOutcome },
      problems: { ...refusals, 404: "No such bundle is in the history." },
    },
    (request, reply) =>
      answering(
        reply,
        async () => {
          const { editor, changed } = policies.editing();
          const { to, author = "", reason = "" } = request.body;
          const by = { author: authorOf(request, author), reason, permit: permitFor(request) };
          return told(request, editor.rollback(await findBundle(policies, to), by), changed);
        },
        statusOf,
      ),
  );

  addRoute(
    app,
    {
      method: "POST",
      path: "/api/policies/proposals/:id/signatures",
      tag: "policies",
      summary: "Sign a change",
      right: approvePolicies,
      params: proposalParams,
      body: z.strictObject({
        key: z
          .string()
          .max(64)
          .regex(/^[A-Za-z0-9._@-]+$/, "it is no name of a key. Use letters, digits and ._@-")
          .describe("The name of the key."),
        signature: z.string().max(256).describe("Ed25519 over the statement's canonical JSON; base64."),
      }),
      answers: { 200: signatureAnswer },
      problems: { ...changeProblems, 404: "There is no such proposal.", 422: "The signature is not one of that key." },
    },
    (request, reply) =>
      answering(reply, async () => {
        const { proposals, store } = policies.editing();
        const signed = await proposals.sign(request.params.id, request.body);
        const { bundle } = await store.head();
        const lacks = lacking({
          before: bundle?.approved.documents ?? new Map(),
          after: await store.documents(signed.proposal.statement.documents),
          floor: policies.trust.floor,
          signers: new Set(signed.signatures.map(({ key }) => key)),
        });
        return { proposal: signed.id, signed: signed.signatures.map(({ key }) => key), lacks: lacks.map(lackText) };
      }),
  );

  addRoute(
    app,
    {
      method: "POST",
      path: "/api/policies/proposals/:id/apply",
      tag: "policies",
      summary: "Put a signed change in force",
      right: approvePolicies,
      params: proposalParams,
      answers: { 200: changeOutcome, 202: pendingOutcome },
      problems: { ...refusals, 404: "There is no such proposal." },
    },
    (request, reply) =>
      answering(
        reply,
        async () => {
          const { editor, changed } = policies.editing();
          return told(request, editor.applyProposal(request.params.id), changed);
        },
        statusOf,
      ),
  );
}

const refusals = { ...changeProblems, 422: "A document is wrong; `detail` says where, and the fix." };
const pendingOutcome = { schema: applyOutcome, description: "It waits for signatures, or is tried by a canary first." };

/** Reads the documents of a request. Throws LegationError `policy.invalid` with everything that is wrong. */
export function readDocuments(values: readonly unknown[]): readonly PolicyDocument[] {
  const problems: string[] = [];
  const documents = new Map<string, PolicyDocument>();
  for (const [i, value] of values.entries()) {
    const reading = readDocument(value);
    if ("flaws" in reading) problems.push(...reading.flaws.map(({ path, message }) => `documents[${i}]: ${pathText(path)}: ${message}`));
    else if (documents.has(documentKey(reading.document))) problems.push(`documents[${i}]: there are two ${documentKey(reading.document)}`);
    else documents.set(documentKey(reading.document), reading.document);
  }
  if (problems.length > 0) throw new LegationError("policy.invalid", problems.join("; "));
  return [...documents.values()];
}
