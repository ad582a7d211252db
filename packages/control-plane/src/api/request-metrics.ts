/** How many requests the HTTP API answers, and how fast: by the class of the status, never by path. */
import { Counter, Histogram, type Registry } from "@legation/runtime";
import type { FastifyInstance } from "fastify";

/** Counts every answer of this server. A stream of events counts when it ends, and has no duration. */
export function addRequestMetrics(app: FastifyInstance, registry: Registry): void {
  const labels = { labelNames: ["code"] as const, registers: [registry] };
  const requests = new Counter({
    name: "legation_api_requests_total",
    help: "Answers of the HTTP API, by the class of their status.",
    ...labels,
  });
  const seconds = new Histogram({
    name: "legation_api_request_seconds",
    help: "Time to answer a request of the HTTP API, streams of events left out.",
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    ...labels,
  });
  app.addHook("onResponse", (_request, reply, done) => {
    const code = `${Math.floor(reply.statusCode / 100)}xx`;
    requests.inc({ code });
    const type = String(reply.getHeader("content-type") ?? "");
    if (!type.startsWith("text/event-stream")) seconds.observe({ code }, reply.elapsedTime / 1_000);
    done();
  });
}
