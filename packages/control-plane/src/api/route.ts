/** How a route of the API is stated: once, for what it takes, what it answers, and what the OpenAPI document says of both. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Right } from "../security/right.js";
import { inputReader } from "./input.js";
import type { ApiTag } from "./tags.js";

/** What an answer holds. */
export interface Answer {
  /** Documents the body and is never applied to it. Absent for an answer without one, or with one that is no JSON. */
  readonly schema?: z.ZodType;
  /** When this is the answer; for people. */
  readonly description?: string;
  /** `application/json` unless given; null for an answer without a body. */
  readonly mediaType?: string | null;
  /** Media types of text in which the caller may have the same instead. */
  readonly asText?: readonly string[];
}

/** A route as everything that can be said of it before it runs. */
export interface Route<P extends z.ZodType = z.ZodType, Q extends z.ZodType = z.ZodType, B extends z.ZodType = z.ZodType> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As fastify writes it: `/services/:name`. */
  readonly path: string;
  readonly tag: ApiTag;
  /** What it does, in a few words. */
  readonly summary: string;
  /** What else is to be known; markdown. */
  readonly description?: string;
  readonly right: Right;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Bytes; the server's own limit unless given. */
  readonly bodyLimit?: number;
  /** What it answers when it succeeds, by status. A schema alone is an answer in JSON. */
  readonly answers: Readonly<Record<number, Answer | z.ZodType>>;
  /** When it fails beyond what every route has (`usual-problems.ts`): in words, by status. */
  readonly problems?: Readonly<Record<number, string>>;
  /** True where a HEAD would not only look. */
  readonly headless?: boolean;
}

type Read<S> = S extends z.ZodType ? z.output<S> : unknown;

/** A request whose input has been read. */
export type RouteRequest<P = unknown, Q = unknown, B = unknown> = FastifyRequest<{ Params: Read<P>; Querystring: Read<Q>; Body: Read<B> }>;

declare module "fastify" {
  interface FastifyContextConfig {
    /** As it was stated; absent only for paths that no route of the API has. */
    readonly route?: Route;
  }
}

/**
 * Adds a route. Input that its schemas do not take is answered 400 with a problem that names the place and the fix, before any hook that
 * looks at it runs; the handler gets what the schemas make of it. What the handler returns or sends goes out as it is.
 */
export function addRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  app: FastifyInstance,
  route: Route<P, Q, B>,
  handler: (request: RouteRequest<P, Q, B>, reply: FastifyReply) => unknown,
): void {
  const { method, path, right, params, query, body, bodyLimit, headless } = route;
  app.route<{ Params: Read<P>; Querystring: Read<Q>; Body: Read<B> }>({
    method,
    url: path,
    config: { right, route },
    schema: { ...(params ? { params } : {}), ...(query ? { querystring: query } : {}), ...(body ? { body } : {}) },
    validatorCompiler: ({ schema, httpPart }) => inputReader(parts[httpPart ?? ""] ?? "body", schema as z.ZodType),
    ...(bodyLimit === undefined ? {} : { bodyLimit }),
    ...(headless ? { exposeHeadRoute: false } : {}),
    handler: async (request, reply) => handler(request, reply),
  });
}

const parts: Readonly<Record<string, "path" | "query">> = { params: "path", querystring: "query" };

/** An answer as it is documented. */
export function answerOf(stated: Answer | z.ZodType): Answer {
  return "safeParse" in stated ? { schema: stated } : stated;
}
