/** `GET /api/openapi.json`: the OpenAPI 3.1 document of everything that this server answers, written from what its routes state. */
import { problemDetails } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { open } from "../security/right.js";
import { version } from "../version.js";
import { createSchemaBook, type Json, type SchemaBook } from "./json-schema.js";
import { openApiPath } from "./paths.js";
import { addRoute, answerOf, type Route } from "./route.js";
import { apiTags } from "./tags.js";
import { problemsOf } from "./usual-problems.js";

/** Gathers every route that is added from now on, and adds the one that answers the document of them all. */
export function addOpenApi(app: FastifyInstance): void {
  const routes: Route[] = [];
  app.addHook("onRoute", ({ config, method }) => {
    if (config?.route && method === config.route.method) routes.push(config.route);
  });
  let document: string | undefined;
  addRoute(
    app,
    {
      method: "GET",
      path: openApiPath,
      tag: "server",
      summary: "This document",
      description: "OpenAPI 3.1, written from the schemas that requests are validated with.",
      right: open,
      answers: { 200: z.looseObject({ openapi: z.string() }) },
    },
    (_request, reply) => {
      document ??= JSON.stringify(openApiOf(routes));
      return reply.type("application/json; charset=utf-8").send(document);
    },
  );
}

/** The document of these routes. Throws when two schemas have one name. */
export function openApiOf(routes: readonly Route[]): Json {
  const book = createSchemaBook();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of [...routes].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, book) };
  }
  book.write(problemDetails, "output");
  const { document, schemas } = book.finish(paths);
  return {
    openapi: "3.1.1",
    info: { title: "Legation", version, description: about, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    tags: Object.entries(apiTags).map(([name, description]) => ({ name, description })),
    security: [{}, { consulToken: [] }, { bearer: [] }],
    paths: document,
    components: { schemas, securitySchemes },
  };
}

const about =
  "The HTTP API of a Legation control plane. Every replica answers for all. Errors are problem details (RFC 9457) with a stable `code`. " +
  "Where Consul uses ACLs, each route needs the rights that its description names.";

const securitySchemes = {
  consulToken: { type: "apiKey", in: "header", name: "X-Consul-Token", description: "A Consul ACL token." },
  bearer: { type: "http", scheme: "bearer", description: "The same token as `Authorization: Bearer TOKEN`." },
};

function operationOf(route: Route, book: SchemaBook): Json {
  const { method, path, tag, summary, description = "", right, params, query, body, answers } = route;
  const parameters = [...(params ? parametersOf(params, "path", book) : []), ...(query ? parametersOf(query, "query", book) : [])];
  return {
    operationId: operationIdOf(method, path),
    tags: [tag],
    summary,
    description: [description, `Right: ${right.needs}.`].filter(Boolean).join("\n\n"),
    ...(right.kind === "open" ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: bodyOf(body, book) } : {}),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answerOf(answer), book)])),
      ...(method === "GET" ? { 304: { description: "`If-None-Match` names what is there already." } } : {}),
      ...Object.fromEntries(Object.entries(problemsOf(route)).map(([status, words]) => [status, problemResponse(words)])),
    },
  };
}

/** A body that may be missing may be `null` as well. */
function bodyOf(body: z.ZodType, book: SchemaBook): Json {
  const schema = book.write(body, "input");
  const required = !body.safeParse(undefined).success;
  return { required, content: { "application/json": { schema: required ? schema : { anyOf: [schema, { type: "null" }] } } } };
}

function responseOf(
  { schema, description, mediaType = "application/json", asText = [] }: ReturnType<typeof answerOf>,
  book: SchemaBook,
): Json {
  const said = description ?? schema?.description ?? "Done.";
  if (mediaType === null) return { description: said };
  return {
    description: said,
    content: {
      [mediaType]: { schema: schema ? book.write(schema, "output") : { type: "string" } },
      ...Object.fromEntries(asText.map((type) => [type, { schema: { type: "string" } }])),
    },
  };
}

function problemResponse(description: string): Json {
  return { description, content: { "application/problem+json": { schema: { $ref: "#/components/schemas/ProblemDetails" } } } };
}

function parametersOf(schema: z.ZodType, place: "path" | "query", book: SchemaBook): readonly Json[] {
  const { properties = {}, required = [] } = book.write(schema, "input") as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: property,
  }));
}

/** `GET /services/:name` is `getServicesByName`. */
function operationIdOf(method: string, path: string): string {
  const words = path.split(/[/._-]/).filter(Boolean);
  const capital = (word: string) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
  return `${method.toLowerCase()}${words.map((word) => (word.startsWith(":") ? `By${capital(word.slice(1))}` : capital(word))).join("")}`;
}
