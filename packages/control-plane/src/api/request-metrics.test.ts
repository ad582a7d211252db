import { Registry } from "@legation/runtime";
import fastify from "fastify";
import { expect, test } from "vitest";
import { addRequestMetrics } from "./request-metrics.js";

test("answers are counted by the class of their status, and a stream of events has no duration", async () => {
  const app = fastify();
  const registry = new Registry();
  addRequestMetrics(app, registry);
  app.get("/well", () => "well");
  // One that ends by itself, and one that is cut off.
  for (const how of ["end", "destroy"] as const)
    app.get(`/${how}`, (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { "content-type": "text/event-stream" });
      reply.raw.write(": open\n\n", () => reply.raw[how]());
      return reply;
    });
  const address = await app.listen({ host: "127.0.0.1", port: 0 });
  for (const path of ["/well", "/well?a=1", "/end", "/destroy", "/nothing", "/nothing/else"])
    await fetch(address + path)
      .then((answer) => answer.text())
      .catch(() => undefined);
  await app.close();
  const page = await registry.metrics();
  expect(page).toContain('legation_api_requests_total{code="2xx"} 4');
  expect(page).toContain('legation_api_requests_total{code="4xx"} 2');
  expect(page).toContain('legation_api_request_seconds_count{code="2xx"} 2');
});
