/** What the policies' routes answer when something is wrong. */
import { codeOf, messageOf } from "@legation/runtime";
import type { FastifyReply } from "fastify";
import { sendProblem } from "./problem.js";

/** The HTTP status by the code of the error; others are failures of this server. */
const statuses: Readonly<Record<string, number>> = {
  "policy.invalid": 422,
  "policy.bad-signature": 422,
  "policy.not-allowed": 403,
  "policy.too-large": 413,
  "policy.no-such-proposal": 404,
  "policy.no-such-bundle": 404,
  "policy.unknown": 404,
  "policy.precondition": 412,
  "policy.busy": 429,
  "policy.conflict": 409,
  "policy.files": 409,
  "policy.tampered": 409,
  "policy.missing": 409,
  "policy.unapproved": 409,
  "consul.unreachable": 503,
  "consul.no-leader": 503,
  "consul.busy": 503,
  "consul.forbidden": 503,
};

/** What may be wrong when the store is read or changed, beside what every route has. */
export const changeProblems = {
  409: "The store holds something else than expected, or policies come from files; `code` says which.",
} as const;

/** Answers with what the function resolves to, or with a problem that says what is wrong and what to do. */
export async function answering<T extends object>(
  reply: FastifyReply,
  answer: () => Promise<T>,
  status: (answer: T) => number = () => 200,
): Promise<FastifyReply> {
  try {
    const body = await answer();
    return reply.code(status(body)).send(body);
  } catch (error) {
    const code = codeOf(error) ?? "";
    const found = statuses[code];
    if (found === undefined) throw error;
    return sendProblem(reply, found, code, messageOf(error));
  }
}
