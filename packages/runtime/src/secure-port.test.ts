/** One port for both: who is served, who is hung up on, and that nobody's bad beginning disturbs others. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import { Agent, request as requestSecurely } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectSecurely, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { type SecurePortOptions, securePort } from "./secure-port.js";
import { createTestAuthority, type TestLeaf } from "./testing.js";
import { tlsPeer } from "./tls-peer.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const authority = createTestAuthority();
const [web, server] = ["web", "server"].map((name) => authority.issue([`spiffe://mesh.test/ns/default/dc/dc1/svc/${name}`])) as [
  TestLeaf,
  TestLeaf,
];
const material = { ...server, ca: authority.ca };

async function serve({ early = false, ...options }: Partial<SecurePortOptions> & { readonly early?: boolean } = {}) {
  const refused: string[] = [];
  const http = createServer({ headersTimeout: 1_000, requestTimeout: 1_000, connectionsCheckingInterval: 200 }, (req, res) => {
    const peer = tlsPeer(req.socket);
    res.end(JSON.stringify(peer ?? "plain text"));
  });
  const secure = securePort(http, {
    ...(early ? {} : { tls: material }),
    clientCertificate: "optional",
    plaintext: true,
    protocols: ["http/1.1"],
    onRefused: (error) => refused.push(error.message),
    ...options,
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  cleanups.push(() => {
    http.closeAllConnections();
    http.close();
  });
  return { port: (http.address() as AddressInfo).port, secure, refused };
}

async function bodyOf(asked: ReturnType<typeof request>): Promise<unknown> {
  asked.end();
  const [response] = await once(asked, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return JSON.parse(text);
}

const inPlain = (port: number) => bodyOf(request({ host: "127.0.0.1", port, agent: false }));

function securely(port: number, options: ConnectionOptions = {}) {
  const agent = new Agent({ checkServerIdentity: () => undefined, maxCachedSessions: 0 });
  cleanups.push(() => agent.destroy());
  return bodyOf(requestSecurely({ host: "127.0.0.1", port, ca: authority.ca, agent, ...options }));
}

/** A raw connection with what it has been sent. */
async function raw(port: number): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(port, "127.0.0.1");
  cleanups.push(() => socket.destroy());
  socket.on("error", () => undefined);
  socket.resume();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  return { socket, closed };
}

test("plain text and TLS are served on one port, and TLS tells the client's SPIFFE ID", async () => {
  const { port } = await serve();
  expect(await inPlain(port)).toBe("plain text");
  expect(await securely(port)).toEqual({});
  expect(await securely(port, web)).toEqual({ uri: "spiffe://mesh.test/ns/default/dc/dc1/svc/web" });
});

test("a certificate that proves nothing is told with its reason", async () => {
  const { port } = await serve();
  const stranger = createTestAuthority().issue(["spiffe://mesh.test/ns/default/dc/dc1/svc/web"]);
  expect(await securely(port, stranger)).toEqual({ problem: "no trusted root has signed it" });
  const expired = authority.issue(["spiffe://mesh.test/ns/default/dc/dc1/svc/web"], {
    from: Date.now() - 7_200_000,
    until: Date.now() - 3_600_000,
  });
  await expect.poll(() => securely(port, expired), { timeout: 10_000 }).toEqual({ problem: "it has expired" });
  expect(await securely(port, authority.issue(["spiffe://mesh.test/a", "spiffe://mesh.test/b"]))).toEqual({
    problem: "it names no single URI",
  });
  expect(await securely(port, authority.issue([]))).toEqual({ problem: "it names no single URI" });
});

test("where certificates are required, a handshake without one of ours fails", async () => {
  const { port } = await serve({ clientCertificate: "required" });
  await expect(securely(port)).rejects.toThrow();
  await expect(securely(port, createTestAuthority().issue(["spiffe://mesh.test/a"]))).rejects.toThrow();
  expect(await securely(port, web)).toMatchObject({ uri: expect.stringContaining("/svc/web") });
});

test("plain text is hung up on where it is not allowed, and TLS before there is a certificate", async () => {
  const strict = await serve({ plaintext: false });
  await expect(inPlain(strict.port)).rejects.toThrow();
  const early = await serve({ early: true });
  await expect(securely(early.port)).rejects.toThrow();
  early.secure.renew(material);
  expect(await securely(early.port, web)).toMatchObject({ uri: expect.stringContaining("/svc/web") });
});

test.each(["TLSv1.2", "TLSv1.3"] as const)("%s: no session is resumed, and none negotiated again", async (version) => {
  const { port } = await serve();
  const whole = {
    host: "127.0.0.1",
    port,
    ca: authority.ca,
    minVersion: version,
    maxVersion: version,
    checkServerIdentity: () => undefined,
  };
  const open = async (options: ConnectionOptions): Promise<TLSSocket> => {
    const socket = connectSecurely({ ...whole, ...options });
    cleanups.push(() => socket.destroy());
    socket.on("error", () => undefined);
    await once(socket, "secureConnect");
    return socket;
  };
  const first = await open(web);
  const session = first.getSession();
  if (!session) throw new Error("the client has no session");
  expect((await open({ session })).isSessionReused()).toBe(false);
  const again = new Promise((resolve) => {
    first.once("close", () => resolve("closed"));
    first.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error ? "refused" : "negotiated again"));
  });
  expect(await again).not.toBe("negotiated again");
});

describe("renewal", () => {
  test("shows the new certificate and trusts the new root alone, while open connections go on", async () => {
    const { port, secure } = await serve();
    const kept = connectSecurely({ host: "127.0.0.1", port, ca: authority.ca, ...web, checkServerIdentity: () => undefined });
    cleanups.push(() => kept.destroy());
    await once(kept, "secureConnect");
    const sessions: Buffer[] = [];
    kept.on("session", (session) => sessions.push(session));
    const next = createTestAuthority();
    secure.renew({ ...next.issue(["spiffe://mesh.test/ns/default/dc/dc1/svc/server"]), ca: next.ca });
    kept.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    const [answer] = await once(kept, "data");
    expect(String(answer)).toContain("200 OK");
    await expect(securely(port, web)).rejects.toThrow(/certificate/);
    expect(await securely(port, { ...web, ca: next.ca })).toEqual({ problem: "no trusted root has signed it" });
    for (const session of sessions) expect(await securely(port, { ...web, ca: next.ca, session })).toHaveProperty("problem");
  });

  test("refuses what is no certificate, and goes on with what it had", async () => {
    const { port, secure } = await serve();
    expect(() => secure.renew({ key: "none", cert: "none" })).toThrow();
    expect(await securely(port, web)).toHaveProperty("uri");
  });
});

describe("a bad beginning", () => {
  test("nothing, half a hello and a crawling one are hung up on in time, and disturb no other", async () => {
    const { port } = await serve({ silenceMs: 300 });
    const [silent, half, crawling] = [await raw(port), await raw(port), await raw(port)];
    half.socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0]));
    const hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    const drip = setInterval(() => crawling.socket.write(Buffer.from([hello.shift() ?? 0])), 50);
    cleanups.push(() => clearInterval(drip));
    expect(await inPlain(port)).toBe("plain text");
    await Promise.all([silent.closed, half.closed, crawling.closed]);
    expect(await securely(port)).toEqual({});
  });

  test("a client that ends before its first byte is forgotten", async () => {
    const { port } = await serve();
    const { socket, closed } = await raw(port);
    socket.end();
    await closed;
  });

  test("garbage in either is the end of its own connection", async () => {
    const { port, refused } = await serve({ silenceMs: 2_000 });
    const garbage = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
      fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Uint8Array.from([0x16, 3, 1, ...bytes])),
    );
    await Promise.all(
      fc.sample(garbage, { numRuns: 400, seed: 7 }).map(async (bytes) => {
        const { socket, closed } = await raw(port);
        socket.write(Buffer.from(bytes));
        await closed;
      }),
    );
    expect(await securely(port, web)).toHaveProperty("uri");
    expect(await inPlain(port)).toBe("plain text");
    expect(refused.length).toBeGreaterThan(0);
  });
});
