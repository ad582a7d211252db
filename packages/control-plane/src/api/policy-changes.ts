/** Changing policies over HTTP: apply, roll back, sign. */
import type { AclRule } from "@legation/consul";
import {
  affectedBy,
  changedKeys,
  type Documents,
  documentKey,
  type Finding,
  lacking,
  lackText,
  notAllowed,
  type PolicyDocument,
  pathText,
  readDocument,
} from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { afterChange, type ChangeOutcome } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { nameOfCaller } from "../security/caller.js";
import { approvePolicies, policyRules, replacePolicies, writeNamedPolicies } from "../security/right.js";
import { documentChanges, findBundle } from "./policies.js";
import { beginCanary, type CanaryParts, type CanaryWish, canaryBody } from "./policy-canary.js";
import { answering } from "./policy-problem.js";
import { findingsOf, type Registry } from "./policy-warnings.js";

/** The largest request; bytes. */
export const changeLimit = 8 * 1_024 * 1_024;

const hash = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const words = { type: "string", maxLength: 1_024 } as const;
const by = { author: words, reason: words } as const;
/** The schema of a change. */
export const changeBody = {
  type: "object",
  additionalProperties: false,
  properties: {
    documents: { type: "array", maxItems: 5_000 },
    remove: { type: "array", maxItems: 5_000, items: { type: "string", maxLength: 256 } },
    replace: { type: "boolean" },
    dryRun: { type: "boolean" },
    canary: canaryBody,
    expect: hash,
    ...by,
  },
} as const;

/** A change. */
export interface ChangeBody {
  readonly documents?: readonly unknown[];
  readonly remove?: readonly string[];
  /** Removes what `documents` does not hold. */
  readonly replace?: boolean;
  /** Answers what would change, and changes nothing. */
  readonly dryRun?: boolean;
  /** Begins a canary, and has it judged, before the change is made. */
  readonly canary?: CanaryWish;
  readonly expect?: string;
  readonly author?: string;
  readonly reason?: string;
}

/** Adds the routes. Each answers with what became of the change: 200 for what is live, 202 for what waits for signatures. */
export function addPolicyChangeRoutes(app: FastifyInstance, policies: Policies & CanaryParts, registry: Registry): void {
  const told = async ({ access }: FastifyRequest, outcome: Promise<ChangeOutcome>, changed: () => void) => {
    const done = await outcome;
    if (done.state === "accepted") changed();
    if (done.state === "accepted")
      access.tell({ bundle: done.bundle, version: done.version, changed: done.changed.join(", ").slice(0, 1_024) });
    if (done.state === "canary")
      access.tell({ canary: done.bundle, version: done.version, changed: done.changed.join(", ").slice(0, 1_024) });
    if (done.state === "awaiting-approval") access.tell({ proposal: done.proposal });
    return done;
  };
  // Whom Consul knows is not whom somebody says to be.
  const authorOf = ({ access: { caller } }: FastifyRequest, said: string) => (caller.kind === "token" ? nameOfCaller(caller) : said);
  const permitFor =
    ({ access }: FastifyRequest) =>
    async (before: Documents, after: Documents) => {
      await access.demand(changedKeys(before, after).flatMap((key) => [before, after].flatMap((set) => rulesOf(set.get(key)))));
      const author = await access.author();
      const objections = author ? notAllowed(before, after, author) : [];
      if (objections.length > 0) throw new LegationError("policy.not-allowed", objections.slice(0, mostTold).join("; "));
    };
  const pending = ["awaiting-approval", "canary"];
  const status = (outcome: object) => ("state" in outcome && pending.includes(String(outcome.state)) ? 202 : 200);

  app.post<{ Body: ChangeBody }>(
    "/api/policies/apply",
    { bodyLimit: changeLimit, config: { right: writeNamedPolicies }, schema: { body: changeBody } },
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
        status,
      ),
  );

  app.post<{ Body: { to: string; author?: string; reason?: string } }>(
    "/api/policies/rollback",
    {
      config: { right: replacePolicies },
      schema: { body: { type: "object", required: ["to"], additionalProperties: false, properties: { to: words, ...by } } },
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
        status,
      ),
  );

  const proposal = { params: { type: "object", properties: { id: hash } } } as const;
  app.post<{ Params: { id: string }; Body: { key: string; signature: string } }>(
    "/api/policies/proposals/:id/signatures",
    {
      config: { right: approvePolicies },
      schema: {
        ...proposal,
        body: {
          type: "object",
          required: ["key", "signature"],
          additionalProperties: false,
          properties: {
            key: { type: "string", minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9._@-]+$" },
            signature: { type: "string", maxLength: 256 },
          },
        },
      },
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

  app.post<{ Params: { id: string } }>(
    "/api/policies/proposals/:id/apply",
    { config: { right: approvePolicies }, schema: proposal },
    (request, reply) =>
      answering(
        reply,
        async () => {
          const { editor, changed } = policies.editing();
          return told(request, editor.applyProposal(request.params.id), changed);
        },
        status,
      ),
  );
}

/** Objections that an answer names at most. */
const mostTold = 20;

/** What it takes to change a document. */
function rulesOf(document: PolicyDocument | undefined): readonly AclRule[] {
  if (!document) return [];
  const { kind, name } = document;
  const affected = affectedBy(document);
  const services = affected === "all" || affected.length === 0 ? [""] : affected;
  return services.flatMap((service) => policyRules({ kind, name, service }));
}

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
