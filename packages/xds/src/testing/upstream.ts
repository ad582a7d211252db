/** Something for an Envoy to send requests to. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Starts an HTTP server that answers everything with a word; returns its port. Its end is added to `cleanups`. */
export async function startUpstream(answer: string, cleanups: (() => Promise<unknown>)[]): Promise<number> {
  const server = createServer((_, response) => response.end(answer));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
