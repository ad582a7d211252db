import { Registry } from "@legation/runtime";
import fastify from "fastify";
import { expect, test } from "vitest";
import { addRequestMetrics } from "./request-metrics.js";

test("answers are counted by the class of their status, and a stream of events has no duration", async () => {
  const app = fastify();
  const registry = new Registry();
  addRequestMetrics(app, registry);
  app.get("/well", () => "well");
  app.get("/events", (_request, reply) => reply.type("text/event-stream").send("data: 1\n\n"));
  for (const url of ["/well", "/well?a=1", "/events", "/nothing", "/nothing/else"]) await app.inject(url);
  const page = await registry.metrics();
  expect(page).toContain('legation_api_requests_total{code="2xx"} 3');
  expect(page).toContain('legation_api_requests_total{code="4xx"} 2');
  expect(page).toContain('legation_api_request_seconds_count{code="2xx"} 2');
});
