/** Applications that cost nothing: one server in this process for each agent, so that only Legation's own processes are measured. */

import { once } from "node:events";
import { createServer, type Server } from "node:http";

/** Starts one that answers `GET /health`, and any other request, with 200 on `port` of loopback. */
export async function startApplication(port: number): Promise<Server> {
  const server = createServer((_request, response) => response.end("ok"));
  server.keepAliveTimeout = 300_000;
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}
