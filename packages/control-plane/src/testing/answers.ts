/** Holds every answer of a server to what its route states, so that each test of the API proves the documentation too. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { problemDetails } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { expect } from "vitest";
import type { z } from "zod";
import { answerOf } from "../api/route.js";
import { problemsOf } from "../api/usual-problems.js";

/** Fails the test in which a route answers with a status, a media type or a body that it does not state; also with a field too many. */
export function holdAnswers(app: FastifyInstance): void {
  app.addHook("onSend", async ({ method, url, routeOptions }, reply, payload) => {
    const { route } = routeOptions.config;
    if (!route || reply.statusCode === 304) return payload;
    const body = payload instanceof Readable ? await text(payload) : payload;
    const status = reply.statusCode;
    const stated = route.answers[status];
    const what = `${method} ${url.slice(0, 100)} answered ${status}`;
    const mediaType = String(reply.getHeader("content-type") ?? "").split(";")[0];
    const {
      schema,
      mediaType: statedType = "application/json",
      asText = [],
    } = stated ? answerOf(stated) : { schema: problemDetails, mediaType: "application/problem+json" };
    if (!stated) expect.soft(Object.keys(problemsOf(route)), what).toContain(String(status));
    if (statedType !== null && statedType !== "*/*") expect.soft([statedType, ...asText], what).toContain(mediaType);
    if (schema && typeof body === "string" && body !== "" && mediaType?.endsWith("json")) holdBody(schema, JSON.parse(body), what);
    return body;
  });
}

function holdBody(schema: z.ZodType, body: unknown, what: string): void {
  const read = schema.safeParse(body);
  expect.soft(read.error?.issues, what).toBeUndefined();
  // What the schema does not know is gone from what it has read.
  if (read.success) expect.soft(body, what).toEqual(read.data);
}
