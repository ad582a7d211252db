/** Errors of the HTTP API as problem details (RFC 9457). */
import type { Socket } from "node:net";
import type { ProblemDetails } from "@legation/contract/api";
import { LegationError } from "@legation/runtime";
import type { ConnectionError, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AccessDenied, AccessUndecided } from "../security/access.js";
import { denied, type Refusal, undecided, whatOf } from "../security/refusal.js";
import { errorsPath, openApiPath } from "./paths.js";
import { type KnownPaths, knowPaths } from "./unknown-path.js";

const titles: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  405: "Wrong method",
  408: "Too slow",
  409: "Conflict",
  412: "Changed meanwhile",
  413: "Too large",
  415: "Unsupported media type",
  422: "Not usable",
  428: "Condition required",
  429: "Too many",
  431: "Headers too large",
  499: "Not waited for",
  500: "Failed",
  501: "Not built yet",
  503: "Not ready",
};

const problemType = "application/problem+json";

function problemOf(status: number, code: string, detail: string, more: Pick<ProblemDetails, "missing"> = {}): ProblemDetails {
  return { type: `${errorsPath}#${code}`, title: titles[status] ?? "Error", status, code, detail, ...more };
}

/** Answers with a problem; `more` are members of their own. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
  more: Pick<ProblemDetails, "missing"> = {},
): FastifyReply {
  return reply
    .code(status)
    .type(problemType)
    .send(problemOf(status, code, detail, more));
}

/** Answers a client that has left before its answer was known: for the audit, since nobody hears it. */
export function sendLeft(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 499, "api.left", "the client left before its answer was known");
}

/** Answers with a refusal. */
export function sendRefusal(reply: FastifyReply, { status, code, detail, missing, retryAfter }: Refusal): FastifyReply {
  if (status === 401) void reply.header("www-authenticate", 'Bearer realm="legation"');
  if (retryAfter !== undefined) void reply.header("retry-after", String(retryAfter));
  return sendProblem(reply, status, code, detail, missing === undefined ? {} : { missing });
}

/** Makes unknown paths, refused input and failures of this server answer with a problem; failures are logged, never shown. Call it before routes are added. */
export function useProblems(app: FastifyInstance): void {
  const paths = knowPaths(app);
  app.setNotFoundHandler((request, reply) => sendNotThere(request, reply, paths));
  app.setErrorHandler((error: FastifyError | LegationError | Error, request, reply) => {
    // What is wrong with a request that leads nowhere does not matter.
    if (request.is404) return sendNotThere(request, reply, paths);
    if (error instanceof AccessUndecided) return sendRefusal(reply, undecided(whatOf(request), error.message));
    if (error instanceof AccessDenied) {
      const refusal = denied(whatOf(request), request.access.caller, error.missing);
      request.access.tell({ code: refusal.code });
      return sendRefusal(reply, refusal);
    }
    const status = "statusCode" in error && error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status < 500) return sendProblem(reply, status, inputCodes[status] ?? "api.bad-request", wordsOf(error));
    request.log.error({ event: "api.failed", err: error, url: request.url }, "a request failed");
    const code = error instanceof LegationError ? error.code : "api.failed";
    return sendProblem(reply, 500, code, "the control plane failed to answer; its log says why");
  });
}

/** Answers a request that no route takes: 405 where the path takes other methods, else 404. */
function sendNotThere(request: FastifyRequest, reply: FastifyReply, paths: KnownPaths): FastifyReply {
  const { method } = request;
  const path = request.url.split("?")[0] ?? "";
  const shown = path.slice(0, 200);
  const methods = paths.methods(path);
  if (methods.length > 0) {
    void reply.header("allow", methods.join(", "));
    return sendProblem(reply, 405, "api.method-not-allowed", `${shown} does not take ${method}. Use ${methods.join(" or ")}`);
  }
  const meant = paths.nearest(path);
  const advice = meant === undefined ? `${openApiPath} lists what does` : `Did you mean ${meant}?`;
  return sendProblem(reply, 404, "api.no-such-path", `${method} ${shown} does not exist here. ${advice}`);
}

/** The codes of what was sent and cannot be used, by status; `api.bad-request` for others. */
const inputCodes: Readonly<Record<number, string>> = { 413: "api.too-large", 415: "api.media-type" };

/** What fastify says of a body, with the fix. */
function wordsOf(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  if (error instanceof SyntaxError || code === "FST_ERR_CTP_INVALID_JSON_BODY") return `the body is no JSON: ${error.message}`;
  if (code === "FST_ERR_CTP_EMPTY_JSON_BODY")
    return "the body is empty, and its media type says that it is JSON. Send {} at least, or no Content-Type";
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return `${error.message}. Send application/json`;
  return error.message;
}

/** Fastify's options for what fails before there is a route: a path that cannot be decoded, and what is no HTTP. */
export const earlyProblems = {
  frameworkErrors(error: FastifyError, _request: FastifyRequest, reply: FastifyReply) {
    void sendProblem(reply, 400, "api.bad-request", `${error.message}. Encode the path as RFC 3986 says`);
  },
  clientErrorHandler(error: ConnectionError, socket: Socket) {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const { status, detail } = earlyFailures[error.code ?? ""] ?? { status: 400, detail: "this is no HTTP request" };
    const body = JSON.stringify(problemOf(status, "api.bad-request", detail));
    const head = `HTTP/1.1 ${status} ${titles[status]}\r\nContent-Type: ${problemType}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    socket.end(head + body);
  },
};

const earlyFailures: Readonly<Record<string, { readonly status: number; readonly detail: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: "the headers are larger than 16 KiB together. Send fewer" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: "the request did not arrive in time. Send it again" },
};
