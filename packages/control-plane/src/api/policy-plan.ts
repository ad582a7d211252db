/** `POST /api/policies/plan`: what applying documents would change at the proxies of all replicas. Nothing is changed. */
import { planBody, policyPlan } from "@legation/contract/api";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import { type Planner, planPath } from "../plan/plan.js";
import { afterChange } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { readPoliciesAsReplica } from "../security/right.js";
import { documentChanges } from "./policies.js";
import { changeLimit, readDocuments } from "./policy-changes.js";
import { answering } from "./policy-problem.js";
import { addRoute } from "./route.js";

/** Adds the route. */
export function addPolicyPlanRoute(app: FastifyInstance, policies: Pick<Policies, "live">, planner: Planner): void {
  addRoute(
    app,
    {
      method: "POST",
      path: planPath,
      tag: "policies",
      summary: "What applying documents would change",
      description: "At the proxies of all replicas, and for requests of a sample. Nothing is changed.",
      right: readPoliciesAsReplica,
      body: planBody,
      bodyLimit: changeLimit,
      answers: { 200: policyPlan },
      problems: {
        409: "Another bundle is in force here than the asking replica has.",
        422: "A document is wrong; `detail` says where, and the fix.",
      },
    },
    (asked, reply) => {
      const closed = new AbortController();
      reply.raw.once("close", () => closed.abort(new Error("nobody waits for the answer any more")));
      return answering(reply, async () => {
        const { documents = [], remove = [], replace = false, requests = [], relayed = false, bundle } = asked.body;
        const id = policies.live.status().bundle?.id ?? "none";
        if (bundle !== undefined && bundle !== id)
          throw new LegationError("policy.conflict", `version ${bundle} is not in force here; ${id} is`);
        const before = policies.live.policies().documents;
        const after = afterChange(before, { set: readDocuments(documents), remove, replace });
        if (relayed) return planner.own({ before, after, requests }, closed.signal);
        const plan = await planner.everywhere({ before, after, requests }, { ...asked.body, bundle: id }, closed.signal);
        return { documents: documentChanges(before, after), ...plan };
      });
    },
  );
}
