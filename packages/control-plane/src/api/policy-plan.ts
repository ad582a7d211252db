/** `POST /api/policies/plan`: what applying documents would change at the proxies of all replicas. Nothing is changed. */
import { LegationError } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import { type Planner, planPath } from "../plan/plan.js";
import type { SampleRequest } from "../plan/route-changes.js";
import { afterChange } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { readPoliciesAsReplica } from "../security/right.js";
import { documentChanges } from "./policies.js";
import { type ChangeBody, changeBody, changeLimit, readDocuments } from "./policy-changes.js";
import { answering } from "./policy-problem.js";

/** Requests of a sample at most. */
export const largestSample = 1_000;

interface PlanBody extends Pick<ChangeBody, "documents" | "remove" | "replace"> {
  readonly requests?: readonly SampleRequest[];
  /** Another replica asks, and wants to hear of this one's proxies alone. */
  readonly relayed?: boolean;
  /** The bundle that the asking replica compares with. */
  readonly bundle?: string;
}

const text = { type: "string", maxLength: 8_192 } as const;
const request = {
  type: "object",
  required: ["method", "host", "path", "headers"],
  additionalProperties: false,
  properties: {
    method: text,
    host: text,
    path: text,
    headers: { type: "object", maxProperties: 100, additionalProperties: text },
    from: text,
    count: { type: "integer", minimum: 1 },
  },
} as const;
const { documents, remove, replace } = changeBody.properties;
const body = {
  type: "object",
  additionalProperties: false,
  properties: {
    ...{ documents, remove, replace },
    requests: { type: "array", maxItems: largestSample, items: request },
    relayed: { type: "boolean" },
    bundle: { type: "string", maxLength: 64 },
  },
} as const;

/** Adds the route. */
export function addPolicyPlanRoute(app: FastifyInstance, policies: Pick<Policies, "live">, planner: Planner): void {
  app.post<{ Body: PlanBody }>(
    planPath,
    { bodyLimit: changeLimit, config: { right: readPoliciesAsReplica }, schema: { body } },
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
