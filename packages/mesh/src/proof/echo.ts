/** Applications that say in JSON what they were asked, for tests of what becomes of a request on its way. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";

/** What an application was asked. */
export interface Asked {
  readonly service: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** A running application. */
export interface Echo {
  readonly service: string;
  readonly port: number;
  /** All that it was asked, oldest first. */
  readonly asked: readonly Asked[];
  stop(): Promise<void>;
}

/**
 * HTTP/1.1. Under `/fail/` the first request for each path is answered 503, and under `/hang/` it is never answered; under `/wait/` all are
 * answered after half a second. A WebSocket upgrade is accepted and its bytes are echoed.
 */
export async function startEcho(service: string): Promise<Echo> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const { method = "", url: path = "", headers } = request;
    const first = !asked.some((before) => before.path === path);
    asked.push({ service, method, path, headers });
    if (path.startsWith("/hang/") && first) return;
    const failed = path.startsWith("/fail/") && first;
    const answer = () => {
      response.writeHead(failed ? 503 : 200, { "x-service": service, "x-app": "1" });
      response.end(JSON.stringify(asked.at(-1)));
    };
    if (path.startsWith("/wait/")) setTimeout(answer, 500);
    else answer();
  });
  server.on("upgrade", ({ url: path = "" }, socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nx-service: ${service}\r\nx-path: ${path}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  return listening(service, server, asked);
}

/** gRPC, as far as that calls are answered with an empty message and `grpc-status: 0`. */
export async function startGrpcEcho(service: string): Promise<Echo> {
  const asked: Asked[] = [];
  const server = createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    asked.push({ service, method: String(headers[":method"]), path: String(headers[":path"]), headers: {} });
    stream.on("error", () => stream.destroy());
    stream.respond({ ":status": 200, "content-type": "application/grpc", "x-service": service }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.alloc(5));
  });
  return listening(service, server, asked);
}

/** Bytes: says its name when somebody connects, and ends. */
export async function startGreeter(service: string): Promise<Echo> {
  return listening(
    service,
    createTcpServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end(service);
    }),
    [],
  );
}

async function listening(service: string, server: Server, asked: readonly Asked[]): Promise<Echo> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    service,
    port: (server.address() as AddressInfo).port,
    asked,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
