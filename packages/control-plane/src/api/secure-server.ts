/** The API's socket: HTTP in plain text or TLS on one port, with the client's certificate where it shows one. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Clock, type SecurePort, securePort, type TlsMaterial } from "@legation/runtime";
import type { FastifyServerOptions } from "fastify";
import type { SecurityEvents } from "../security/events.js";
import { reportHandshake } from "../security/handshake.js";

/** An idle connection is kept for this long; milliseconds. */
const keepAlive = 72_000;

/** A request must have arrived as a whole within this time; milliseconds. */
const requestLimit = 30_000;

/** What fastify builds its server with. */
export interface SecureServer {
  readonly factory: NonNullable<FastifyServerOptions["serverFactory"]>;
  /** Serves TLS from now on, with these certificates for connections to come. */
  renew(tls: TlsMaterial): void;
}

/** Makes it; TLS is refused until the first `renew`. */
export function createSecureServer(o: { events: Pick<SecurityEvents, "report">; clock: Clock }): SecureServer {
  let port: SecurePort | undefined;
  return {
    factory(handler: (request: IncomingMessage, response: ServerResponse) => void): Server {
      const server = createServer({ keepAliveTimeout: keepAlive, requestTimeout: requestLimit }, handler);
      port = securePort(server, {
        clientCertificate: "optional",
        plaintext: true,
        protocols: ["http/1.1"],
        clock: o.clock,
        onRefused: reportHandshake("the API", o.events),
      });
      // Those that have not said yet what they speak are not known to the HTTP server, which would wait for them when it closes.
      const sockets = new Set<Socket>();
      server.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
      });
      server.closeAllConnections = () => {
        for (const socket of sockets) socket.destroy();
      };
      return server;
    },
    renew: (tls) => port?.renew(tls),
  };
}
