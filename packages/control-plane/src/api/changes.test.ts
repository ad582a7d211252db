import { createTestClock } from "@legation/runtime/testing";
import fastify from "fastify";
import { expect, test } from "vitest";
import { createChanges } from "../reconcile/changes.js";
import { withoutAcl } from "../testing/access.js";
import { addChangeRoute } from "./changes.js";
import { useProblems } from "./problem.js";

test("a reader gets what it has not seen yet", async () => {
  const changes = createChanges(createTestClock(Date.parse("2026-01-01T00:00:00Z")));
  const app = fastify();
  useProblems(app);
  withoutAcl(app);
  addChangeRoute(app, changes);
  for (const service of ["a", "b"]) changes.add({ event: "service-added", service });
  const seen = (await app.inject("/v1/changes?after=1")).json();
  expect(seen).toEqual({ changes: [{ sequence: 2, at: "2026-01-01T00:00:00.000Z", event: "service-added", service: "b" }] });
  expect((await app.inject("/v1/changes")).json().changes).toHaveLength(2);
  expect((await app.inject("/v1/changes?after=x")).statusCode).toBe(400);
});
