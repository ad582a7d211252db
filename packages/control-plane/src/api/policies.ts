/** `/api/policies`: what is in force, what was, and what waits for signatures. */

import type { QuarantineView } from "@legation/contract/api";
import { type BundleManifest, changedKeys, type Documents, documentText, type PolicyDocument } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import type { CanarySetup } from "../canary/setup.js";
import type { Planner } from "../plan/plan.js";
import { type AskedLiveness, livenessPath } from "../policies/liveness.js";
import type { Policies } from "../policies/setup.js";
import { readPolicies, readPoliciesAsReplica } from "../security/right.js";
import { answering } from "./policy-problem.js";

/** What the routes read. */
export interface PolicyParts extends Policies {
  readonly liveness: AskedLiveness;
  readonly planner: Planner;
  readonly canary: CanarySetup;
  /** What proxies of this control plane refused, and are not given. */
  readonly quarantined: () => readonly QuarantineView[];
}

/** A bundle, as the API shows it. */
export interface BundleView extends Pick<BundleManifest, "version" | "author" | "reason" | "at" | "approval"> {
  readonly id: string;
}

/** One document that differs between two bundles. */
export interface DocumentChange {
  readonly document: string;
  readonly before: PolicyDocument | null;
  readonly after: PolicyDocument | null;
}

const hash = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const reference = { type: "string", pattern: "^([0-9]{1,9}|[0-9a-f]{6,64})$" } as const;
/** Bundles that are looked through for a version. */
const searched = 1_000;

/** Shows a bundle. */
export function bundleView(id: string, { version, author, reason, at, approval }: BundleManifest): BundleView {
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

  app.get("/api/policies", { config: { right: readPolicies } }, (_request, reply) =>
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
        bundle: bundle ? bundleView(bundle.id, bundle.manifest) : null,
        documents: [...live.policies().documents.values()],
        problem: problem ?? null,
        quarantined: policies.quarantined(),
        canary: policies.canary.view(),
        proposals,
        approvalKeys: policies.trust.keys,
      };
    }),
  );

  app.get<{ Querystring: { limit?: number } }>(
    "/api/policies/history",
    {
      config: { right: readPolicies },
      schema: { querystring: { type: "object", properties: { limit: { type: "integer", minimum: 1, maximum: searched } } } },
    },
    (request, reply) =>
      answering(reply, async () => {
        const { store } = policies.editing();
        const head = live.status().bundle?.id;
        const history = head === undefined ? [] : await store.history(head, request.query.limit ?? 50);
        return { bundles: history.map(({ id, manifest }) => bundleView(id, manifest)) };
      }),
  );

  app.get<{ Querystring: { from: string; to?: string } }>(
    "/api/policies/diff",
    {
      config: { right: readPolicies },
      schema: { querystring: { type: "object", required: ["from"], properties: { from: reference, to: reference } } },
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

  app.get<{ Params: { id: string } }>(
    "/api/policies/proposals/:id",
    { config: { right: readPolicies }, schema: { params: { type: "object", properties: { id: hash } } } },
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

  app.post<{ Body: { bundle: string; relayed?: boolean } }>(
    livenessPath,
    {
      config: { right: readPoliciesAsReplica },
      schema: {
        body: {
          type: "object",
          required: ["bundle"],
          additionalProperties: false,
          properties: { bundle: hash, relayed: { type: "boolean" } },
        },
      },
    },
    (request, reply) => {
      const asked = new AbortController();
      reply.raw.once("close", () => asked.abort(new Error("nobody waits for the answer any more")));
      return answering(reply, () => policies.liveness(request.body.bundle, request.body.relayed ?? false, asked.signal));
    },
  );
}
