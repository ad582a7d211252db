/** `POST /api/policies/check`: what is odd about documents beside those in force and the registry. Nothing is changed. */
import { documentsBody, policyFindings } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { afterChange } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { readPolicies } from "../security/right.js";
import { changeLimit, readDocuments } from "./policy-changes.js";
import { answering } from "./policy-problem.js";
import { findingsOf, type Registry } from "./policy-warnings.js";
import { addRoute } from "./route.js";

/** Adds the route. */
export function addPolicyCheckRoute(app: FastifyInstance, policies: Pick<Policies, "live">, registry: Registry): void {
  addRoute(
    app,
    {
      method: "POST",
      path: "/api/policies/check",
      tag: "policies",
      summary: "What is odd about documents",
      description: "Beside those in force and the registry. Nothing is changed.",
      right: readPolicies,
      body: documentsBody,
      bodyLimit: changeLimit,
      answers: { 200: policyFindings },
      problems: { 422: "A document is wrong; `detail` says where, and the fix." },
    },
    (request, reply) =>
      answering(reply, async () => {
        const { documents = [], remove = [], replace = false } = request.body;
        const before = policies.live.policies().documents;
        const set = readDocuments(documents);
        const after = afterChange(before, { set, remove, replace });
        return { warnings: await findingsOf(request, registry, { before, after, set }) };
      }),
  );
}
