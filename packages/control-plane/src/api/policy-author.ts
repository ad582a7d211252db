/** Who changes policies over HTTP, whether he may, and what the audit is told of it. */
import type { AclRule } from "@legation/consul";
import type { ChangeOutcome } from "@legation/contract/api";
import { affectedBy, changedKeys, type Documents, notAllowed, type PolicyDocument } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { FastifyRequest } from "fastify";
import { nameOfCaller } from "../security/caller.js";
import { policyRules } from "../security/right.js";

type Asked = Pick<FastifyRequest, "access">;

/** Tells the audit what became of a change, and `changed` when it is live. */
export async function told({ access }: Asked, outcome: Promise<ChangeOutcome>, changed: () => void): Promise<ChangeOutcome> {
  const done = await outcome;
  if (done.state === "awaiting-approval") access.tell({ proposal: done.proposal });
  if (done.state !== "accepted" && done.state !== "canary") return done;
  const { bundle, version } = done;
  if (done.state === "accepted") changed();
  access.tell({
    ...(done.state === "accepted" ? { bundle } : { canary: bundle }),
    version,
    changed: done.changed.join(", ").slice(0, 1_024),
  });
  return done;
}

/** The author for the history: whom Consul knows is not whom somebody says to be. */
export function authorOf({ access: { caller } }: Asked, said: string): string {
  return caller.kind === "token" ? nameOfCaller(caller) : said;
}

/** Asks whether the caller may make all of a change, by its rights and by `Access` policies. Throws AccessDenied and LegationError `policy.not-allowed`. */
export function permitFor({ access }: Asked): (before: Documents, after: Documents) => Promise<void> {
  return async (before, after) => {
    await access.demand(changedKeys(before, after).flatMap((key) => [before, after].flatMap((set) => rulesOf(set.get(key)))));
    const author = await access.author();
    const objections = author ? notAllowed(before, after, author) : [];
    if (objections.length > 0) throw new LegationError("policy.not-allowed", objections.slice(0, mostTold).join("; "));
  };
}

/** The status of an answer: 202 for what waits for signatures or a canary. */
export function statusOf(outcome: object): 200 | 202 {
  return "state" in outcome && pending.includes(String(outcome.state)) ? 202 : 200;
}

const pending: readonly string[] = ["awaiting-approval", "canary"];

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
