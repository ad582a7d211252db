/** `/api/policies`: what is in force, what was, and what waits for signatures. */

import {
  type BundleView,
  bundleReference,
  type DocumentChange,
  hash,
  liveness,
  policyDifference,
  policyHistory,
  policyList,
  proposalView,
} from "@legation/contract/api";
import { type BundleManifest, changedKeys, type Documents, documentText } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { CanarySetup } from "../canary/setup.js";
import type { Planner } from "../plan/plan.js";
import { type AskedLiveness, livenessPath } from "../policies/liveness.js";
import type { Policies } from "../policies/setup.js";
import type { MeshQuarantine } from "../quarantine/mesh-quarantine.js";
import { readPolicies, readPoliciesAsReplica } from "../security/right.js";
import { answering, changeProblems } from "./policy-problem.js";
import { addRoute } from "./route.js";

/** What the routes read. */
export interface PolicyParts extends Policies {
  readonly liveness: AskedLiveness;
  readonly planner: Planner;
  readonly canary: CanarySetup;
  /** What proxies refused, and are not given. */
  readonly quarantine: MeshQuarantine;
}

/** A proposal in a path. */
export const proposalParams = z.strictObject({ id: hash });

/** Bundles that are looked through for a version. */
const searched = 1_000;

/** Shows a bundle. */
export function bundleOf(id: string, { version, author, reason, at, approval }: BundleManifest): BundleView {
  return { id, version, author, reason, at, approval };
}

/** What differs, sorted by key. */
export function documentChanges(before: Documents, after: Documents): readonly DocumentChange[] {
  return changedKeys(before, after).map((key) => ({ document: key, before: before.get(key) ?? null, after: after.get(key) ?? null }));
}

/** The id of a bundle that is named by its version, or by the first digits of its id. Throws LegationError `policy.no-such-bundle`. */
export async function findBundle(policies: Policies, text: string): Promise<string> {
  const { store } = policies.editing();
  const head = policies.live.status().bundle?.id;
  const history = head === undefined ? [] : await store.history(head, searched);
  const found = history.find(
    ({ id, manifest }) => id === text || String(manifest.version) === text || (text.length >= 6 && id.startsWith(text)),
  );
  if (found) return found.id;
  throw new LegationError("policy.no-such-bundle", `no bundle ${text} is in the history. "legation policy history" lists the versions`);
}

/** Adds the routes. */
export function addPolicyRoutes(app: FastifyInstance, policies: PolicyParts): void {
  const { live } = policies;

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/policies",
      tag: "policies",
      summary: "The policies in force, and what is going on with them",
      right: readPolicies,
      answers: { 200: policyList },
    },
    (_request, reply) =>
      answering(reply, async () => {
        const { bundle, problem } = live.status();
        const proposals =
          policies.origin === "store"
            ? await policies
                .editing()
                .proposals.list()
                .catch(() => [])
            : [];
        return {
          origin: policies.origin,
          bundle: bundle ? bundleOf(bundle.id, bundle.manifest) : null,
          documents: [...live.policies().documents.values()],
          problem: problem ?? null,
          ...(await policies.quarantine.list()),
          canary: policies.canary.view(),
          proposals,
          approvalKeys: policies.trust.keys,
        };
      }),
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/policies/history",
      tag: "policies",
      summary: "The bundles that were in force",
      right: readPolicies,
      query: z.strictObject({ limit: z.int().min(1).max(searched).optional().describe("How many; 50 unless given.") }),
      answers: { 200: policyHistory },
      problems: changeProblems,
    },
    (request, reply) =>
      answering(reply, async () => {
        const { store } = policies.editing();
        const head = live.status().bundle?.id;
        const history = head === undefined ? [] : await store.history(head, request.query.limit ?? 50);
        return { bundles: history.map(({ id, manifest }) => bundleOf(id, manifest)) };
      }),
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/policies/diff",
      tag: "policies",
      summary: "What differs between two bundles",
      right: readPolicies,
      query: z.strictObject({ from: bundleReference, to: bundleReference.optional().describe("What is in force unless given.") }),
      answers: { 200: policyDifference },
      problems: { ...changeProblems, 404: "No such bundle is in the history." },
    },
    (request, reply) =>
      answering(reply, async () => {
        const { store } = policies.editing();
        const { from, to } = request.query;
        const before = await store.past(await findBundle(policies, from));
        const after = to === undefined ? live.policies() : await store.past(await findBundle(policies, to));
        return { changes: documentChanges(before.documents, after.documents) };
      }),
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/policies/proposals/:id",
      tag: "policies",
      summary: "A change that waits for signatures",
      right: readPolicies,
      params: proposalParams,
      answers: { 200: proposalView },
      problems: { ...changeProblems, 404: "There is no such proposal." },
    },
    (request, reply) =>
      answering(reply, async () => {
        const { proposals, store } = policies.editing();
        const { id, proposal, signatures } = await proposals.get(request.params.id);
        const { set, remove, statement, author, reason, at } = proposal;
        const after = await store.documents(set);
        const before = live.policies().documents;
        const touched = new Map([...before].filter(([key]) => after.has(key) || remove.includes(key)));
        return {
          id,
          author,
          reason,
          at,
          changes: documentChanges(touched, after),
          statement,
          guarded: [...(await store.documents(statement.documents)).values()].map(documentText),
          signed: signatures.map(({ key }) => key),
        };
      }),
  );

  addRoute(
    app,
    {
      method: "POST",
      path: livenessPath,
      tag: "policies",
      summary: "How far a bundle has come, at all replicas",
      right: readPoliciesAsReplica,
      body: z.strictObject({
        bundle: hash,
        relayed: z.boolean().optional().describe("Another replica asks, and wants to hear of this one alone."),
      }),
      answers: { 200: liveness },
    },
    (request, reply) => {
      const asked = new AbortController();
      reply.raw.once("close", () => asked.abort(new Error("nobody waits for the answer any more")));
      return answering(reply, () => policies.liveness(request.body.bundle, request.body.relayed ?? false, asked.signal));
    },
  );
}
