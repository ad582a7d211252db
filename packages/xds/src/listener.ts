/** The listening socket: HTTP/2 in plain text or TLS, keepalive, and errors that name the address and the flag. */
import http2 from "node:http2";
import type { Socket } from "node:net";
import { type ClientCertificate, type Clock, listenError, parseAddress, securePort, type Timer, type TlsMaterial } from "@legation/runtime";
import { type Accept, serveGrpc } from "./transport.js";

/** Where and how to listen. */
export interface ListenOptions {
  readonly tls?: TlsMaterial;
  /** Whether plain text is served; by default only without `tls`. The first byte of a connection says which of the two it is. */
  readonly plaintext?: boolean;
  /** Whether TLS clients must show a certificate; `required` by default where `tls.ca` says who signs theirs, else `none`. */
  readonly clientCertificate?: ClientCertificate;
  /** A connection that says nothing for this long is closed; milliseconds, default 10,000. */
  readonly silenceMs?: number;
  /** The name of the flag by which a user chooses another address; it stands in the error when the address is taken. */
  readonly flag?: string;
  /** A connection could not be accepted, such as for want of file descriptors. Those that are open go on, and so does the server. */
  onError?(error: Error): void;
  /** A TLS handshake failed, for another reason than that the client went away. */
  onRefused?(error: Error, socket: Socket): void;
}

/** How HTTP/2 pings find half-open connections; milliseconds. */
export interface Keepalive {
  readonly interval: number;
  readonly timeout: number;
}

/** A bound socket. */
export interface Listening {
  readonly port: number;
  /** Replaces the certificates for connections to come, or begins with them to serve TLS. */
  renew(tls: TlsMaterial): void;
  /** Accepts nothing more; resolves when the connections are closed, which are destroyed when `force` resolves first. */
  close(force: Promise<void>): Promise<void>;
}

/** Connections that arrive at once when a whole fleet reconnects; Node's own default is 511. */
const backlog = 4_096;

/** Binds and serves. Throws a LegationError that says what to do when the address cannot be had. */
export async function listen(
  address: string,
  options: ListenOptions,
  accept: Accept,
  messageBytes: number,
  keepalive: Keepalive,
  clock: Clock,
): Promise<Listening> {
  const target = parseAddress(address);
  if (!target) throw listenError(new Error("it is not host:port"), { address, what: "xDS", flag: options.flag ?? "the address option" });
  const settings = { maxConcurrentStreams: 1_000, initialWindowSize: 1024 * 1024, maxHeaderListSize: 64 * 1024 };
  const server = http2.createServer({ settings, maxSessionMemory: Number.MAX_SAFE_INTEGER });
  const sessions = new Set<http2.ServerHttp2Session>();
  const sockets = new Set<Socket>();
  let newest: Socket | undefined;
  serveGrpc(server, accept, messageBytes);
  server.prependListener("connection", (socket: Socket) => {
    newest = socket;
  });
  const port = securePort(server, {
    plaintext: options.plaintext ?? !options.tls,
    clientCertificate: options.clientCertificate ?? (options.tls?.ca ? "required" : "none"),
    protocols: ["h2"],
    clock,
    ...(options.tls ? { tls: options.tls } : {}),
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
    ...(options.onRefused ? { onRefused: options.onRefused } : {}),
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session: http2.ServerHttp2Session) => {
    const socket = newest;
    sessions.add(session);
    const stopPings = ping(session, () => socket?.destroy(), keepalive, clock);
    session.once("close", () => {
      stopPings();
      sessions.delete(session);
    });
  });
  await new Promise<void>((resolve, reject) => {
    const onError = (error: unknown) => reject(listenError(error, { address, what: "xDS", flag: options.flag ?? "the address option" }));
    server.once("error", onError);
    server.listen({ ...target, backlog }, () => {
      server.off("error", onError);
      server.on("error", (error: Error) => options.onError?.(error));
      resolve();
    });
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : target.port,
    renew: (tls) => port.renew(tls),
    close: async (force) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      await Promise.race([closed, force]);
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Pings a session until it closes. One that has ended, but whose client keeps the connection open, is hung up on. */
function ping(session: http2.ServerHttp2Session, hangUp: () => void, { interval, timeout }: Keepalive, clock: Clock): () => void {
  if (interval <= 0) return () => undefined;
  let timer: Timer;
  const rest = () => {
    timer = clock.timeout(interval, () => {
      if (session.destroyed) {
        timer = clock.timeout(timeout, hangUp);
        return;
      }
      timer = clock.timeout(timeout, () => session.destroy());
      const sent = session.ping((error) => {
        timer.cancel();
        if (!error || session.destroyed) rest();
      });
      if (!sent) session.destroy();
    });
  };
  rest();
  return () => timer.cancel();
}
