/** How many requests the HTTP API answers, and how fast: by the class of the status, never by path. */
import type { ServerResponse } from "node:http";
import { Counter, Histogram, type Registry } from "@legation/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Counts every answer that its client has waited for. A stream counts when it ends, and has no duration. */
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
  // A stream has taken its answer away from the server, which sends none for it.
  const streams = new WeakSet<FastifyRequest>();
  app.addHook("onRequest", (request, { raw }, done) => {
    streams.add(request);
    raw.once("close", () => {
      if (streams.has(request) && raw.headersSent) requests.inc({ code: classOf(raw) });
    });
    done();
  });
  app.addHook("onSend", async (request) => void streams.delete(request));
  app.addHook("onResponse", (request, { raw, elapsedTime }, done) => {
    if (!streams.has(request)) {
      requests.inc({ code: classOf(raw) });
      seconds.observe({ code: classOf(raw) }, elapsedTime / 1_000);
    }
    done();
  });
}

function classOf({ statusCode }: Pick<ServerResponse, "statusCode">): string {
  return `${Math.floor(statusCode / 100)}xx`;
}
