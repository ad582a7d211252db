/** The metrics page alone, where a Prometheus on another machine reaches it: nothing else of the agent's API is there. */
import { createServer } from "node:http";
import { splitAddress } from "@legation/contract";
import { ConfigError, listenError, messageOf } from "@legation/runtime";
import type { MetricsSource } from "../metrics-page.js";
import type { AdminServer } from "./server.js";

/**
 * Serves `GET /metrics` at `host:port`; `onAsked` is called with each such request. Who asks while a page is made gets that page, so that many askers cost no more than one. Throws a
 * LegationError that names the flag when the address is taken.
 */
export async function startMetricsServer(address: string, page: MetricsSource, onAsked?: () => void): Promise<AdminServer> {
  const at = splitAddress(address);
  if (!at) throw new ConfigError([`--metrics-addr: ${JSON.stringify(address)} has no port. Write 0.0.0.0:19101`]);
  let making: Promise<string> | undefined;
  const made = (): Promise<string> => {
    making ??= page.metrics().finally(() => {
      making = undefined;
    });
    return making;
  };
  const server = createServer((request, response) => {
    if (request.method !== "GET" || !/^\/metrics(\?|$)/.test(request.url ?? ""))
      return void response.writeHead(404, { "content-type": "text/plain" }).end("GET /metrics is all that is here\n");
    const answer = made();
    onAsked?.();
    answer.then(
      (text) => response.writeHead(200, { "content-type": page.contentType }).end(text),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${messageOf(error)}\n`),
    );
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, { address, what: "the metrics page", flag: "--metrics-addr" })));
    server.listen(at, resolve);
  });
  return {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
