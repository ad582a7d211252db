import fastify from "fastify";
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../security/right.js";
import { useProblems } from "./problem.js";
import { addRoute } from "./route.js";

const query = z.strictObject({
  limit: z.int().min(1).max(9).optional(),
  share: z.number().optional(),
  deep: z.boolean().optional(),
  tag: z.array(z.string()).optional(),
});
const body = z.strictObject({ name: z.string(), rows: z.array(z.object({ count: z.int() })).default([]) });

function server() {
  const app = fastify();
  useProblems(app);
  const stated = { tag: "server", summary: "An echo", right: open, answers: { 200: z.object({ name: z.string() }) } } as const;
  addRoute(app, { ...stated, method: "GET", path: "/echo", query }, (request) => request.query);
  addRoute(app, { ...stated, method: "POST", path: "/echo", body }, (request) => ({ ...request.body, more: true }));
  return app;
}

test("texts of a query become what the schema wants, one value is a list of one, and an answer loses no field", async () => {
  const answer = await server().inject("/echo?limit=3&share=-0.5&deep=true&tag=a");
  expect(answer.json()).toEqual({ limit: 3, share: -0.5, deep: true, tag: ["a"] });
  const posted = await server().inject({ method: "POST", url: "/echo", payload: { name: "x", rows: [{ count: 1, extra: 2 }] } });
  expect(posted.json()).toEqual({ name: "x", rows: [{ count: 1 }], more: true });
});

test.each([
  ["a number that is none", "/echo?limit=many", undefined, 'query.limit: "many" is not a number. Write a number'],
  ["a number that is too large", "/echo?limit=10", undefined, "query.limit: 10 is too large. Use at most 9"],
  ["two values for one", "/echo?limit=1&limit=2", undefined, 'query.limit: ["1","2"] is not a number. Write a number'],
  ["an unknown parameter", "/echo?limt=1", undefined, "query.limt: there is no such field. Take it out, or correct its name"],
  ["a missing field", "/echo", {}, "body.name: is missing. Write a text"],
  ["a wrong field inside", "/echo", { name: "x", rows: [{ count: 1 }, { count: 1.5 }] }, "body.rows[1].count: 1.5 is not a whole number"],
])("%s is refused with its place and the fix", async (_what, url, payload, detail) => {
  const answer = await server().inject(payload ? { method: "POST", url, payload } : { url });
  expect(answer.statusCode).toBe(400);
  expect(answer.headers["content-type"]).toContain("application/problem+json");
  expect(answer.json()).toMatchObject({ code: "api.bad-request", detail: expect.stringContaining(detail) });
});
