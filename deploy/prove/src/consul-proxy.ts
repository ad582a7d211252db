/** A proxy in front of Consul's HTTP API that can answer as a sick Consul does. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

/** `through`: as Consul answers. `error`: 500 for everything. `hang`: no answer at all. `reset`: every connection is reset. */
export type ConsulMode = "through" | "error" | "hang" | "reset";

/** A running proxy. */
export interface ConsulProxy {
  readonly url: string;
  /** Holds for what is under way too: blocking queries end, hang or break as new requests do. */
  set(mode: ConsulMode): void;
  close(): Promise<void>;
}

/** Starts the proxy on `port` of loopback (0: any), in front of the Consul at `target`. */
export async function startConsulProxy(target: string, port: number): Promise<ConsulProxy> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const underWay = new Map<ServerResponse, IncomingMessage>();
  let mode: ConsulMode = "through";

  const server = createServer((incoming, response) => {
    underWay.set(response, incoming);
    response.once("close", () => underWay.delete(response));
    if (mode === "through") forward(incoming, response);
    else strike(incoming, response);
  });

  function forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = incoming;
    const sent = request(target + url, { method, headers, agent }, (answer) => {
      // It began before the fault; its end belongs to it.
      if (!underWay.has(response) || response.headersSent || mode === "hang") return void answer.destroy();
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, response, () => undefined);
    });
    sent.on("error", () => response.destroy());
    response.once("close", () => sent.destroy());
    incoming.pipe(sent);
  }

  function strike(incoming: IncomingMessage, response: ServerResponse): void {
    if (mode === "reset") incoming.socket.resetAndDestroy();
    else if (mode === "error") {
      if (response.headersSent) return void response.destroy();
      response.writeHead(500, { "content-type": "text/plain" });
      response.end("rpc error making call: No cluster leader");
    }
  }

  // A connection before its first request is reset too.
  server.on("connection", (socket) => {
    if (mode === "reset") socket.resetAndDestroy();
  });
  server.keepAliveTimeout = 300_000;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next) {
      const before = mode;
      mode = next;
      for (const [response, incoming] of [...underWay]) {
        // What hung was never handed to Consul: its client has to ask again.
        if (next === "through" && before !== "through") response.destroy();
        else strike(incoming, response);
      }
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
