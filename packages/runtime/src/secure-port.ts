/** One port for plain text and TLS: the first byte of a connection says which of the two it is. */
import { constants } from "node:crypto";
import type { Server, Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { type Clock, systemClock } from "./clock.js";
import { codeOf } from "./errors.js";

/** Certificates in PEM: what this side shows, and the authorities by which it knows others. */
export interface TlsMaterial {
  readonly key: string | Buffer;
  /** The leaf, with intermediate certificates behind it. */
  readonly cert: string | Buffer;
  readonly ca?: string | Buffer;
}

/**
 * Whether clients must show a certificate. `required`: without one that `ca` signed the handshake fails. `optional`: it succeeds whatever
 * they show, and `tlsPeer` tells what that was; whoever serves the connection must ask it. `none`: they are not asked.
 */
export type ClientCertificate = "none" | "optional" | "required";

/** How the port is served. */
export interface SecurePortOptions {
  /** Without it TLS is refused until the first `renew`. */
  readonly tls?: TlsMaterial;
  readonly clientCertificate: ClientCertificate;
  /** Whether connections in plain text are served; others are closed. */
  readonly plaintext: boolean;
  /** What is spoken inside TLS, as ALPN names it: `h2`, `http/1.1`. */
  readonly protocols: readonly string[];
  /** A connection that says nothing for this long is closed, and so is a handshake that takes longer; milliseconds, default 10,000. */
  readonly silenceMs?: number;
  /** A handshake failed for another reason than that the client went away. */
  onRefused?(error: Error, socket: Socket): void;
  readonly clock?: Clock;
}

/** The port's TLS side. */
export interface SecurePort {
  /** Serves TLS from now on, with these certificates for connections to come; those that are open go on. Throws for PEM that is none. */
  renew(tls: TlsMaterial): void;
}

/** The first byte of every TLS record that begins a handshake (RFC 8446, section 5.1); no request of HTTP/1 or HTTP/2 begins with it. */
const handshakeRecord = 0x16;

/**
 * Puts itself before the `connection` listeners that `server` has by now, such as those of an HTTP server: they get a connection when its
 * first byte has come, in TLS when its handshake is done. Listeners that are added later see every raw connection at once.
 */
export function securePort(server: Server, options: SecurePortOptions): SecurePort {
  const { silenceMs = 10_000, clock = systemClock } = options;
  const serving = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const serve = (socket: Socket) => {
    for (const listener of serving) listener.call(server, socket);
  };
  let secure: TlsServer | undefined = options.tls && tlsServer(options.tls, options, serve);

  server.on("connection", (socket) => {
    const forget = () => {
      deadline.cancel();
      socket.off("readable", look);
      socket.off("end", hangUp);
      socket.off("close", forget);
    };
    const hangUp = () => socket.destroy();
    const look = () => {
      const bytes: Buffer | null = socket.read();
      if (!bytes) return;
      forget();
      socket.unshift(bytes);
      if (bytes[0] === handshakeRecord) {
        if (secure) secure.emit("connection", socket);
        else hangUp();
      } else if (options.plaintext) serve(socket);
      else hangUp();
      socket.off("error", hangUp);
    };
    const deadline = clock.timeout(silenceMs, hangUp);
    socket.on("error", hangUp);
    socket.on("end", hangUp);
    socket.on("close", forget);
    socket.on("readable", look);
  });

  return {
    renew(tls) {
      if (secure) secure.setSecureContext(contextOf(tls));
      else secure = tlsServer(tls, options, serve);
    },
  };
}

function tlsServer(tls: TlsMaterial, o: SecurePortOptions, serve: (socket: Socket) => void): TlsServer {
  const server = createTlsServer({
    ...contextOf(tls),
    ALPNProtocols: [...o.protocols],
    requestCert: o.clientCertificate !== "none",
    rejectUnauthorized: o.clientCertificate === "required",
    handshakeTimeout: o.silenceMs ?? 10_000,
  });
  server.on("secureConnection", serve);
  server.on("tlsClientError", (error, socket) => {
    if (codeOf(error) !== "ECONNRESET") o.onRefused?.(error, socket);
    socket.destroy();
  });
  return server;
}

/**
 * A resumed session would be taken for authorized although its authority is trusted no more: there are none. Nor is there renegotiation (TLS 1.2),
 * in which a client that is authorized could show another certificate.
 */
function contextOf({ key, cert, ca }: TlsMaterial) {
  const secureOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;
  return { key, cert, minVersion: "TLSv1.2" as const, secureOptions, ...(ca ? { ca } : {}) };
}
