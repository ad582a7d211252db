/** `POST /api/policies/check`: what is odd about documents beside those in force and the registry. Nothing is changed. */
import type { FastifyInstance } from "fastify";
import { afterChange } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { readPolicies } from "../security/right.js";
import { type ChangeBody, changeBody, changeLimit, readDocuments } from "./policy-changes.js";
import { answering } from "./policy-problem.js";
import { findingsOf, type Registry } from "./policy-warnings.js";

const { documents, remove, replace } = changeBody.properties;
const body = { type: "object", additionalProperties: false, properties: { documents, remove, replace } } as const;

/** Adds the route. */
export function addPolicyCheckRoute(app: FastifyInstance, policies: Pick<Policies, "live">, registry: Registry): void {
  app.post<{ Body: Pick<ChangeBody, "documents" | "remove" | "replace"> }>(
    "/api/policies/check",
    { bodyLimit: changeLimit, config: { right: readPolicies }, schema: { body } },
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
