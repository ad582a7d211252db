/** Canaries over HTTP: beginning one, ending one, and what replicas ask each other. */
import { type CanaryWish, type ChangeOutcome, withdrawal, words } from "@legation/contract/api";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { chooseCanaries } from "../canary/choose.js";
import { canaryPath } from "../canary/evidence.js";
import type { CanarySetup } from "../canary/setup.js";
import type { Planner } from "../plan/plan.js";
import type { PolicyChange } from "../policies/editor.js";
import { afterChange } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { nameOfCaller } from "../security/caller.js";
import { readPoliciesAsReplica, replacePolicies } from "../security/right.js";
import { answering, changeProblems } from "./policy-problem.js";
import { addRoute } from "./route.js";

/** By what a canary is judged, where a request does not say it. */
export const usualTerms = { window: 60, requests: 100, limit: 600 } as const;

/** What beginning a canary takes. */
export interface CanaryParts {
  readonly canary: CanarySetup;
  readonly planner: Planner;
}

/** Begins a canary with a change; the change is made at once where no proxy would get anything else by it. */
export async function beginCanary(
  change: PolicyChange,
  wish: CanaryWish,
  body: object,
  { editing, live, canary, planner }: Pick<Policies, "editing" | "live"> & CanaryParts,
  signal: AbortSignal,
): Promise<ChangeOutcome> {
  const { editor } = editing();
  const terms = { ...usualTerms, ...wish };
  if (terms.limit <= terms.window)
    throw new LegationError(
      "policy.invalid",
      `canary.limit (--canary-limit): after ${terms.limit} s it would go back before its window of ${terms.window} s is over. Give it more, or a shorter window`,
    );
  const before = live.policies().documents;
  const after = afterChange(before, change);
  const plan = await planner.everywhere({ before, after, requests: [] }, { ...body, bundle: live.status().bundle?.id ?? "none" }, signal);
  // A service whose proxies nobody has told of would get the change without a trial.
  if (plan.silent.length > 0)
    throw new LegationError(
      "policy.conflict",
      `no canary can be chosen: ${plan.silent.join("; ")}. Try again when every control plane answers, or apply without --canary`,
    );
  const proxies = chooseCanaries(plan.changedProxies);
  if (proxies.length === 0) return editor.change(change);
  return editor.change({
    ...change,
    async canary(bundle, { version, parent, author, reason, at }, changed) {
      await canary.store.begin({
        ...{ format: "legation-canary/1", bundle, base: parent, version, changed, proxies, terms, author, reason },
        ...{ startedAt: at, state: "running", verdict: "", endedAt: null },
      });
      canary.refresh();
    },
  });
}

/** Adds the routes. */
export function addPolicyCanaryRoutes(app: FastifyInstance, { canary }: Pick<CanaryParts, "canary">): void {
  addRoute(
    app,
    {
      method: "POST",
      path: "/api/policies/canary/withdraw",
      tag: "policies",
      summary: "End the running canary",
      right: replacePolicies,
      body: z.strictObject({ reason: words.optional().describe("Why, for the history.") }),
      answers: { 200: withdrawal },
      problems: changeProblems,
    },
    (request, reply) =>
      answering(reply, async () => {
        const { reason = "" } = request.body;
        const { caller } = request.access;
        const by = `withdrawn by ${nameOfCaller(caller)}${reason ? `: ${reason}` : ""}`;
        const record = await canary.withdraw(by);
        canary.refresh();
        request.access.tell({ bundle: record.bundle, version: record.version });
        return { bundle: record.bundle, version: record.version, verdict: by };
      }),
  );

  addRoute(
    app,
    {
      method: "POST",
      path: canaryPath,
      tag: "channel",
      summary: "What this replica knows of a canary",
      right: readPoliciesAsReplica,
      body: z.object({ bundle: z.string().max(64), since: z.number().optional().describe("Milliseconds since the epoch.") }),
      answers: { 200: z.unknown().describe("What that control plane knows.") },
    },
    async (request) => canary.evidence(request.body),
  );
}
