/** Errors of the HTTP API as problem details (RFC 9457). */
import { LegationError } from "@legation/runtime";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { AccessDenied, AccessUndecided } from "../security/access.js";
import { denied, type Refusal, undecided, whatOf } from "../security/refusal.js";

/** What stands in the body of every answer that is not a success. */
export interface ProblemDetails {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  /** Stable dotted name of the problem, for programs. */
  readonly code: string;
  /** What is wrong and what to do, for people. */
  readonly detail: string;
  /** The ACL rules that the caller lacks, as HCL to paste into a policy. */
  readonly missing?: string;
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  409: "Conflict",
  413: "Too large",
  422: "Not usable",
  415: "Unsupported media type",
  429: "Too many",
  503: "Not ready",
};

/** Answers with a problem; `more` are members of their own. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
  more: Pick<ProblemDetails, "missing"> = {},
): FastifyReply {
  const problem: ProblemDetails = { type: "about:blank", title: titles[status] ?? "Error", status, code, detail, ...more };
  return reply.code(status).type("application/problem+json").send(problem);
}

/** Answers with a refusal. */
export function sendRefusal(reply: FastifyReply, { status, code, detail, missing, retryAfter }: Refusal): FastifyReply {
  if (status === 401) void reply.header("www-authenticate", 'Bearer realm="legation"');
  if (retryAfter !== undefined) void reply.header("retry-after", String(retryAfter));
  return sendProblem(reply, status, code, detail, missing === undefined ? {} : { missing });
}

/** Makes unknown paths, refused input and failures of this server answer with a problem; failures are logged, never shown. */
export function useProblems(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, "api.no-such-path", `${request.method} ${request.url.slice(0, 200)} does not exist here`),
  );
  app.setErrorHandler((error: FastifyError | LegationError | Error, request, reply) => {
    if (error instanceof AccessUndecided) return sendRefusal(reply, undecided(whatOf(request), error.message));
    if (error instanceof AccessDenied) {
      const refusal = denied(whatOf(request), request.access.caller, error.missing);
      request.access.tell({ code: refusal.code });
      return sendRefusal(reply, refusal);
    }
    const status = "statusCode" in error && error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status < 500) return sendProblem(reply, status, "api.bad-request", error.message);
    request.log.error({ event: "api.failed", err: error, url: request.url }, "a request failed");
    const code = error instanceof LegationError ? error.code : "api.failed";
    return sendProblem(reply, 500, code, "the control plane failed to answer; its log says why");
  });
}
