/** `GET /api/explain`: where a request goes and why; `GET /api/explain/flags`: what response flags and lines of access logs mean here. */
import { explanation, flagExplanation } from "@legation/contract/api";
import { askedAddress, flagsIn, readAccessLine, responseFlags, serviceNamed } from "@legation/mesh/explain";
import { LegationError } from "@legation/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { sendProblem } from "../api/problem.js";
import { addRoute } from "../api/route.js";
import { addReplicaRoute } from "../replicas/route.js";
import { meshRead, type Right } from "../security/right.js";
import { type Callers, callersPath } from "./callers.js";
import type { Explainer } from "./explainer.js";

/** What the routes ask. */
export interface ExplainParts {
  readonly explainer: Explainer;
  readonly callers: Pick<Callers, "own">;
}

const from = z.string().min(1).max(512);

const query = z.strictObject({
  url: z.string().min(1).max(8_192).describe("What is asked: `http://orders/x`, `tcp://db` or `xds:///orders`."),
  from: from.describe("Who asks: a service, or one of its instances as `<Consul node>/<service id>`."),
  method: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,31}$/, { error: "use a method such as GET" })
    .default("GET"),
  header: z
    .array(
      z
        .string()
        .max(8_192)
        .regex(/^[^:\s]+:/, { error: "write name:value" }),
    )
    .max(64)
    .optional()
    .describe("A header of the request, `name:value`; given several times, all of them."),
});

const flagQuery = z
  .strictObject({
    flag: z.string().min(1).max(256).optional().describe("Flags as Envoy writes them, `UF` or `UF,URX`, or a long name."),
    log: z.string().min(1).max(16_384).optional().describe("A line of Envoy's access log, JSON or text."),
    from: from.optional().describe("Whose proxy wrote it: a service, or one of its instances."),
  })
  .refine(({ flag, log }) => (flag === undefined) !== (log === undefined), { error: "say one of the two: flag, or log" });

/** The route itself asks for more, when it knows which services are meant. */
const readBoth: Right = {
  kind: "listing",
  needs: "`service:read` on the caller and on the service that is asked, or `key:read` on `legation/mesh`",
};
const readable: Right = {
  kind: "listing",
  needs: "`service:read` on `from`, where it is given; of other services only what the caller may read is told",
};

/** Adds the routes. Of services that somebody may not read, their names and shares are told, and nothing of their instances. */
export function addExplainRoutes(app: FastifyInstance, { explainer }: ExplainParts): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/explain",
      tag: "ledger",
      summary: "Where a request goes, who may answer, and why others do not",
      right: readBoth,
      query,
      answers: { 200: explanation },
      problems: { 404: "Nobody knows the caller.", 503: "Nothing is served yet." },
    },
    async (request, reply) => {
      const { url, method, header = [] } = request.query;
      const address = askedAddress(url);
      if (typeof address === "string") return sendProblem(reply, 400, "explain.bad-url", address);
      const caller = explainer.callerOf(request.query.from);
      await demand(request, [caller, serviceNamed(address.host)]);
      const asked = { url, method: method.toUpperCase(), headers: headersOf(header) };
      return answered(reply, () => explainer.request(request.query.from, asked, mayRead(request), aborted(request)));
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/explain/flags",
      tag: "ledger",
      summary: "What response flags, or a line of an access log, mean here and now",
      right: readable,
      query: flagQuery,
      answers: { 200: flagExplanation },
      problems: { 404: "Nobody knows the caller.", 503: "Nothing is served yet." },
    },
    async (request, reply) => {
      const { flag, log, from: caller } = request.query;
      const line = log === undefined ? undefined : readAccessLine(log);
      if (log !== undefined && !line)
        return sendProblem(
          reply,
          400,
          "explain.bad-line",
          "nothing of an access log is found in the line. Give a whole line, as JSON or in Envoy's default format",
        );
      const flags = line ? line.flags : flagsIn(flag ?? "");
      if (!flags)
        return sendProblem(
          reply,
          400,
          "explain.unknown-flag",
          `${JSON.stringify(flag)} is no response flag. Use one of ${[...responseFlags.keys()].join(", ")}`,
        );
      if (caller !== undefined) await demand(request, [explainer.callerOf(caller)]);
      return answered(reply, () => explainer.flags(flags, line, caller, mayRead(request), aborted(request)));
    },
  );
}

/** Adds the route on which another control plane asks who is connected here. Belongs below the hook of `createBorneOut`. */
export function addCallersRoute(app: FastifyInstance, { callers }: ExplainParts): void {
  addReplicaRoute(app, {
    path: callersPath,
    summary: "The proxies of a service that are connected to it",
    properties: { service: z.string().min(1).max(256) },
    answer: ({ service }) => callers.own(service),
  });
}

const statuses: Readonly<Record<string, number>> = { "explain.unready": 503, "explain.unknown-caller": 404, "explain.bad-url": 400 };

async function answered(reply: FastifyReply, explain: () => Promise<unknown>): Promise<unknown> {
  try {
    return await explain();
  } catch (error) {
    const status = error instanceof LegationError ? statuses[error.code] : undefined;
    if (status === undefined || !(error instanceof LegationError)) throw error;
    return sendProblem(reply, status, error.code, error.message);
  }
}

async function demand({ access }: FastifyRequest, services: readonly string[]): Promise<void> {
  if (await access.mayRead(meshRead)) return;
  await access.demand([...new Set(services)].map((name) => ({ resource: "service" as const, name, access: "read" as const })));
}

function mayRead({ access }: FastifyRequest) {
  return async (services: readonly string[]) => ((await access.mayRead(meshRead)) ? new Set(services) : access.readable(services));
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const end = line.indexOf(":");
    const name = line.slice(0, end).toLowerCase();
    const value = line.slice(end + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return headers;
}

function aborted({ raw }: FastifyRequest): AbortSignal {
  const waiting = new AbortController();
  raw.once("close", () => {
    if (raw.destroyed) waiting.abort(new Error("nobody waits for the answer any more"));
  });
  return waiting.signal;
}
