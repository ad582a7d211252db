/** `/api/policies/documents`: each policy as a resource of its own, with ETags and check-and-set. */
import { changeOutcome, policyDocument, policyDocumentList, words } from "@legation/contract/api";
import { type Documents, documentHash, documentKey, type PolicyDocument } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { PolicyChange } from "../policies/editor.js";
import type { Policies } from "../policies/setup.js";
import { readPolicies, writePolicyInPath } from "../security/right.js";
import { matches } from "./entity-tag.js";
import { pageOf, pageQuery } from "./page.js";
import { authorOf, permitFor, statusOf, told } from "./policy-author.js";
import { readDocuments } from "./policy-changes.js";
import { answering, changeProblems } from "./policy-problem.js";
import { sendProblem } from "./problem.js";
import { addRoute } from "./route.js";

const params = z.strictObject({
  kind: z.string().min(1).max(64).describe("`Service`, `Route`, …"),
  name: z.string().min(1).max(256),
});
const why = z.strictObject({ author: words.optional(), reason: words.optional().describe("Why, for the history.") });
const pending = { schema: changeOutcome, description: "It waits for signatures." };
const problems = {
  ...changeProblems,
  412: "`If-Match` or `If-None-Match` does not hold: others have changed it meanwhile.",
  422: "The document is wrong; `detail` says where, and the fix.",
};
const unknown = "There is no such policy.";

/** The tag of a document: its content, however it was written. */
function tagOf(document: PolicyDocument): string {
  return `"${documentHash(document)}"`;
}

/** Adds the routes. Every change goes the way of `POST /api/policies/apply`, with the same rights, checks and signatures. */
export function addPolicyDocumentRoutes(app: FastifyInstance, policies: Pick<Policies, "live" | "editing">): void {
  const documents = () => policies.live.policies().documents;

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/policies/documents",
      tag: "policies",
      summary: "The policies in force, in pages",
      right: readPolicies,
      query: z.strictObject({ ...pageQuery, kind: z.string().max(64).optional().describe("Only policies of this kind.") }),
      answers: { 200: policyDocumentList },
    },
    (request, reply) => {
      const { kind } = request.query;
      const all = [...documents().values()].filter((document) => kind === undefined || document.kind === kind);
      const { entries, nextCursor } = pageOf(request, reply, all, documentKey);
      return { total: all.length, nextCursor, documents: entries };
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/policies/documents/:kind/:name",
      tag: "policies",
      summary: "One policy",
      description: "`ETag` is the hash of its content, for `If-Match`.",
      right: readPolicies,
      params,
      answers: { 200: policyDocument },
      problems: { 404: unknown },
    },
    ({ params }, reply) => {
      const document = documents().get(documentKey(params));
      if (!document) return sendProblem(reply, 404, "policy.unknown", noSuch(documentKey(params)));
      return reply.header("etag", tagOf(document)).send(document);
    },
  );

  addRoute(
    app,
    {
      method: "PUT",
      path: "/api/policies/documents/:kind/:name",
      tag: "policies",
      summary: "Set one policy",
      description: "With `If-Match` only what has that ETag is replaced; with `If-None-Match: *` only what does not exist is created.",
      right: writePolicyInPath,
      params,
      query: why,
      body: policyDocument,
      answers: { 200: changeOutcome, 202: pending },
      problems,
    },
    (request, reply) =>
      answering(
        reply,
        async () => {
          const key = documentKey(request.params);
          const set = readDocuments([request.body]);
          const [document] = set;
          if (document && documentKey(document) !== key)
            throw new LegationError(
              "policy.invalid",
              `the document is ${documentKey(document)}, and the path says ${key}. Send it to its own path`,
            );
          const outcome = await change(request, key, { set });
          if (document && outcome.state !== "awaiting-approval") void reply.header("etag", tagOf(document));
          return outcome;
        },
        statusOf,
      ),
  );

  addRoute(
    app,
    {
      method: "DELETE",
      path: "/api/policies/documents/:kind/:name",
      tag: "policies",
      summary: "Remove one policy",
      description: "With `If-Match` only what has that ETag.",
      right: writePolicyInPath,
      params,
      query: why,
      answers: { 200: changeOutcome, 202: pending },
      problems: { ...problems, 404: unknown },
    },
    (request, reply) =>
      answering(
        reply,
        async () => {
          const key = documentKey(request.params);
          if (!documents().has(key)) throw new LegationError("policy.unknown", noSuch(key));
          return change(request, key, { set: [], remove: [key] });
        },
        statusOf,
      ),
  );

  async function change(
    request: FastifyRequest<{ Querystring: z.output<typeof why> }>,
    key: string,
    wanted: Pick<PolicyChange, "set" | "remove">,
  ) {
    const { editor, changed } = policies.editing();
    const { author = "", reason = "" } = request.query;
    const permitted = permitFor(request);
    const permit = async (before: Documents, after: Documents) => {
      await permitted(before, after);
      demandConditions(request, key, before.get(key));
    };
    return told(request, editor.change({ ...wanted, author: authorOf(request, author), reason, permit }), changed);
  }
}

/** Throws LegationError `policy.precondition` when what is in force is not what the request's conditions say. */
function demandConditions({ headers }: Pick<FastifyRequest, "headers">, key: string, now: PolicyDocument | undefined): void {
  const { "if-match": ifMatch, "if-none-match": ifNoneMatch } = headers;
  const is = now ? `${key} has the ETag ${tagOf(now)}` : `there is no ${key}`;
  if (ifMatch !== undefined && !(now && matches(ifMatch, tagOf(now))))
    throw new LegationError("policy.precondition", `If-Match does not hold: ${is}. Read it again`);
  if (ifNoneMatch !== undefined && now && matches(ifNoneMatch, tagOf(now)))
    throw new LegationError("policy.precondition", `If-None-Match does not hold: ${is}. Change that one, with If-Match`);
}

function noSuch(key: string): string {
  return `no policy ${key} is in force. "legation policy list" shows those that are`;
}
