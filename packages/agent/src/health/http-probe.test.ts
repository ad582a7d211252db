import { createServer as createHttp, type RequestListener, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHostCertificate } from "../testing/host-certificate.js";
import { createHttpProbe, type HttpTarget } from "./http-probe.js";
import type { ProbeResult } from "./probe.js";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(server: ReturnType<typeof createTcp>): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const serve = async (listener: RequestListener) => {
  let connections = 0;
  const server: Server = createHttp(listener).on("connection", () => {
    connections += 1;
  });
  return { port: await listen(server), connections: () => connections, server };
};
/** Writes raw bytes to whoever connects and asks. */
const raw = (answer: (socket: Socket) => void) =>
  listen(createTcp((socket) => socket.on("error", () => {}).once("data", () => answer(socket))));

function probeOf(port: number, over: Partial<HttpTarget> = {}) {
  const probe = createHttpProbe({ host: "127.0.0.1", port, path: "/h", method: "GET", headers: {}, status: [[200, 299]], ...over });
  closing.push(() => probe.close());
  return probe;
}
/** What a look finds, without the target in front. */
async function causeAt(port: number, over: Partial<HttpTarget> = {}): Promise<string> {
  const probe = probeOf(port, over);
  const result = await probe.look().result;
  return `${result.outcome}: ${result.message.replace(`${probe.target} `, "")}`;
}

describe("an HTTP check", () => {
  it("asks as it is told, over one kept connection", async () => {
    const seen: string[] = [];
    const { port, connections } = await serve((request, reply) => {
      seen.push(`${request.method} ${request.url} ${request.headers["x-probe"]} ${request.headers.host}`);
      reply.writeHead(204).end();
    });
    const probe = probeOf(port, { method: "OPTIONS", path: "/h?deep=1", headers: { "x-probe": "yes", host: "orders" } });
    for (let i = 0; i < 3; i++)
      expect(await probe.look().result).toEqual({ outcome: "pass", message: `OPTIONS http://127.0.0.1:${port}/h?deep=1 passes` });
    expect(seen).toEqual(Array(3).fill("OPTIONS /h?deep=1 yes orders"));
    expect(connections()).toBe(1);
  });

  it("asks once more when the kept connection had just been closed", async () => {
    const { port, connections, server } = await serve((_request, reply) => void reply.end("x"));
    const probe = probeOf(port);
    for (let i = 0; i < 2; i++) {
      expect((await probe.look().result).outcome).toBe("pass");
      server.closeAllConnections();
    }
    expect(connections()).toBe(2);
  });

  it.each<[number, string, Partial<HttpTarget>, string]>([
    [503, "tired", {}, "fail: answered 503"],
    [302, "", {}, "fail: answered 302"],
    [
      401,
      "",
      {
        status: [
          [200, 299],
          [401, 401],
        ],
      },
      "pass: passes",
    ],
    [204, "", { status: [[200, 200]] }, "fail: answered 204"],
    [200, "all is well", { body: "is well" }, "pass: passes"],
    [200, "all is lost", { body: "is well" }, 'fail: answered 200 without "is well" in its body'],
    [200, "queue=17", { matches: /queue=\d\b/ }, "fail: answered 200 with a body that does not match /queue=\\d\\b/"],
    [200, "queue=7", { matches: /queue=\d\b/ }, "pass: passes"],
    [200, '{"status":"healthy","dependencies":{"db":false}}', {}, "pass: passes"],
    [200, '{"status":"degraded","dependencies":{"db":false}}', {}, "warn: says degraded: without db"],
    [503, '{"status":"degraded"}', {}, "warn: says degraded"],
    [500, '{"status":"degraded"}', {}, "fail: answered 500 and says degraded"],
    [200, '{"status":"unhealthy"}', {}, "fail: says unhealthy"],
    [503, '{"status":"unhealthy","dependencies":{"db":false}}', {}, "fail: answered 503 and says unhealthy: without db"],
    [503, '{"status":"healthy"}', {}, "fail: answered 503"],
    [200, '{"status":"shipped"}', {}, "pass: passes"],
    [200, '{"status":"degraded"}', { body: "healthy" }, 'fail: answered 200 without "healthy" in its body'],
  ])("judges %d %j with %j as %j", async (status, body, over, cause) => {
    const { port } = await serve((_request, reply) => void reply.writeHead(status).end(body));
    expect(await causeAt(port, over)).toBe(cause);
  });

  it("brings the document along, and otherwise what a failing service said", async () => {
    const document = { status: "degraded", uptime: 3, version: "2", memory: { used: 1, total: 2, percentage: 50 } };
    let body = JSON.stringify(document);
    const { port } = await serve((_request, reply) => void reply.writeHead(503).end(body));
    expect(await probeOf(port).look().result).toMatchObject({ outcome: "warn", document });
    body = `no\u0007database\n${"x".repeat(1_000)}`;
    const { output } = await probeOf(port).look().result;
    expect(output).toMatch(/^no database\nx+…$/);
    expect(output?.length).toBe(256);
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ["resets", (socket) => socket.resetAndDestroy(), "fail: closed the connection"],
    ["closes", (socket) => socket.end(), "fail: closed the connection"],
    ["answers garbage", (socket) => socket.end("I am no web server\r\n\r\n"), "fail: answered something that is not HTTP"],
    [
      "closes mid-body",
      (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf"),
      "fail: closed the connection in the middle of its answer",
    ],
    [
      "breaks its chunks",
      (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
      "fail: answered something that is not HTTP",
    ],
    ["closes mid-body of an error", (socket) => socket.end("HTTP/1.1 500 No\r\ncontent-length: 99\r\n\r\nhalf"), "fail: answered 500"],
    [
      "switches protocols",
      (socket) => socket.write("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
      "fail: answered with an upgrade",
    ],
    [
      "sends endless headers",
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}`),
      "fail: answered something that is not HTTP",
    ],
  ])("fails in stable words when the service %s", async (_what, answer, cause) => {
    expect(await causeAt(await raw(answer))).toBe(cause);
  });

  it("reads no more than it needs of a body of a gigabyte", async () => {
    let sent = 0;
    const port = await raw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\nready ");
      const chunk = Buffer.alloc(64 * 1024, "x");
      const more = (): void => {
        while (!socket.destroyed && sent < 2 ** 30) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once("drain", more);
        }
      };
      more();
    });
    expect(await causeAt(port)).toBe("pass: passes");
    expect(await causeAt(port, { body: "ready" })).toBe("pass: passes");
    expect(await causeAt(port, { body: "done" })).toBe('fail: answered 200 without "done" in its body');
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  it("holds nothing once it was given up, whether no answer came or one that never ends", async () => {
    const gone: Promise<void>[] = [];
    for (const start of ["", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf"]) {
      const asked = new Promise<Socket>((resolve) => {
        void raw((socket) => {
          socket.write(start);
          gone.push(new Promise((closed) => socket.once("close", () => closed())));
          resolve(socket);
        }).then((port) => {
          const look = probeOf(port).look();
          looks.push(look.result);
          void asked.then(() => look.cancel());
        });
      });
      const looks: Promise<ProbeResult>[] = [];
      await asked;
      expect((await looks[0])?.outcome).toBe("fail");
    }
    await Promise.all(gone);
    expect(gone).toHaveLength(2);
  });

  it("says that nobody listens, or that the name does not resolve", async () => {
    const { port, server } = await serve(() => {});
    await new Promise((resolve) => server.close(resolve));
    expect(await causeAt(port)).toBe("fail: refused the connection");
    expect(await causeAt(port, { host: "no-such-host.invalid" })).toMatch(/fail: (has a host name that does not resolve|failed with)/);
  });

  it("holds a certificate against the authority and the name, or takes any", async () => {
    const certificate = createHostCertificate("orders.internal");
    closing.push(certificate.remove);
    const port = await listen(createHttps({ key: certificate.key, cert: certificate.cert }, (_request, reply) => void reply.end("x")));
    const ca = certificate.caFile;
    expect(await causeAt(port, { tls: { ca, serverName: "orders.internal", insecure: false } })).toBe("pass: passes");
    expect(await causeAt(port, { tls: { ca, insecure: false } })).toBe("fail: has a certificate for another name");
    expect(await causeAt(port, { tls: { serverName: "orders.internal", insecure: false } })).toMatch(
      /^fail: has a certificate that is not trusted \([A-Z_]+\)$/,
    );
    expect(await causeAt(port, { tls: { insecure: true } })).toBe("pass: passes");
    const plain = await serve((_request, reply) => void reply.end("x"));
    expect(await causeAt(plain.port, { tls: { insecure: true } })).toBe("fail: does not speak TLS as it should");
    expect(await causeAt(port)).toMatch(/^fail: /);
  });
});
