import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createPlain, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { freePorts } from "@legation/consul/testing";
import { certificateFiles, spiffeId } from "@legation/contract";
import { systemClock } from "@legation/runtime";
import { createTestAuthority, type TestAuthority, type TestLeaf } from "@legation/runtime/testing";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { tryHandshake } from "./handshake.js";

const folder = mkdtempSync(join(tmpdir(), "legation-handshake-"));
const never = new AbortController().signal;
const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const uriOf = (service: string): string => spiffeId({ trustDomain: "mesh.test", namespace: "default", datacenter: "dc1", service });

const leafOf = (service: string, root: TestAuthority): TestLeaf => root.issue([`${service}.mesh`, uriOf(service)]);
const [mesh, other] = [createTestAuthority(), createTestAuthority()];
const [orders, billing, stranger] = [leafOf("orders", mesh), leafOf("billing", mesh), leafOf("orders", other)];
writeFileSync(join(folder, certificateFiles.leaf), orders.cert);
writeFileSync(join(folder, certificateFiles.key), orders.key);
writeFileSync(join(folder, certificateFiles.roots), mesh.ca);

async function serve(server: Server): Promise<number> {
  servers.push(server.on("connection", (socket: Socket) => sockets.add(socket)));
  return await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)));
}

const mutual = (own: TestLeaf, more: TlsOptions = {}): Promise<number> =>
  serve(createServer({ ...own, ca: mesh.ca, requestCert: true, rejectUnauthorized: true, ...more }).on("tlsClientError", () => {}));

const shake = (port: number, signal = never): Promise<string | undefined> =>
  tryHandshake({ host: "127.0.0.1", port, certificates: folder, clock: systemClock, signal });

describe("a mutual TLS handshake with oneself", () => {
  it.each(["TLSv1.2", "TLSv1.3"] as const)("succeeds over %s where both sides have the service's certificate", async (version) => {
    expect(await shake(await mutual(orders, { minVersion: version, maxVersion: version }))).toBeUndefined();
  });

  it("succeeds where the server gives no session ticket and waits for the client", async () => {
    const { SSL_OP_NO_TICKET } = (await import("node:crypto")).constants;
    expect(await shake(await mutual(orders, { secureOptions: SSL_OP_NO_TICKET, sessionTimeout: 1 }))).toBeUndefined();
  });

  it("fails where another service answers under the same root", async () => {
    expect(await shake(await mutual(billing))).toBe(`shows the certificate of ${uriOf("billing")}, not of ${uriOf("orders")}`);
  });

  it("fails where the same name answers under another root", async () => {
    expect(await shake(await mutual(stranger))).toMatch(/^shows a certificate that the roots do not vouch for/);
  });

  it("fails where the server does not trust the instance's root", async () => {
    expect(await shake(await mutual(orders, { ca: other.ca }))).toMatch(
      /^(refuses the handshake|closed the connection|ended the connection)/,
    );
  });

  it("fails where nothing but plain text is spoken", async () => {
    const port = await serve(createPlain((socket) => void socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    expect(await shake(port)).toMatch(/^does not speak TLS there/);
    expect(await shake(await serve(createPlain((socket) => void socket.destroy())))).toMatch(/connection/);
  });

  it("fails where nobody listens, and ends with its signal", async () => {
    const [free = 0] = await freePorts(1);
    expect(await shake(free)).toBe("refused the connection");
    const silent = await serve(createPlain((socket) => void socket.on("error", () => {})));
    const given = new AbortController();
    const shaking = shake(silent, given.signal);
    given.abort(new Error("overtaken"));
    await expect(shaking).rejects.toThrow("overtaken");
  });
});
