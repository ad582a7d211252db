/** How an agent reaches a control plane, over a real socket that speaks both. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, securePort, type TlsMaterial, tlsPeer } from "@legation/runtime";
import { createTestAuthority, createTestClock } from "@legation/runtime/testing";
import { afterEach, expect, test } from "vitest";
import { writeCertificates } from "../identity/files.js";
import { createContacts } from "./contacts.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const authority = createTestAuthority();
const leafOf = (service: string) => authority.issue([`spiffe://mesh.test/ns/default/dc/dc1/svc/${service}`]);
const materialOf = (service: string): TlsMaterial => ({ ...leafOf(service), ca: authority.ca });

/** A control plane that answers who asked, `tls` in hand from the start or later. */
async function plane(tls: TlsMaterial | undefined) {
  const server = createServer((request, response) => response.end(JSON.stringify(tlsPeer(request.socket) ?? "plain text")));
  const port = securePort(server, {
    clientCertificate: "optional",
    plaintext: true,
    protocols: ["http/1.1"],
    ...(tls ? { tls } : {}),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, renew: port.renew };
}

function scene(port: number, meta: Record<string, string>, certified = true, all = false) {
  const directory = mkdtempSync(join(tmpdir(), "legation-contacts-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const { cert: chain, key } = leafOf("orders");
  writeCertificates(directory, { leaf: { chain, key }, roots: [authority.ca] });
  let questions = 0;
  const row = { Address: "127.0.0.1", ServiceAddress: "", ServicePort: port, ServiceMeta: meta };
  const get = async () => {
    questions += 1;
    return { data: [row] };
  };
  const clock = createTestClock();
  const contacts = createContacts({
    consul: { get: get as never, token: async () => "secret" },
    certificates: () => (certified ? directory : undefined),
    allServeTls: () => all,
    clock,
    log: createLogger({ name: "test", level: "silent" }),
  });
  const ask = async (api = `http://localhost:${port}/`) => JSON.parse((await contacts.ask(api, "/", { timeoutMs: 5_000 })).body);
  return { contacts, ask, clock, questions: () => questions };
}

const secure = { tls: "true" };

test("TLS is spoken with the instance's certificate as soon as the registry says that it is served there", async () => {
  const { port } = await plane(materialOf("legation-control-plane"));
  const { contacts, ask, clock, questions } = scene(port, secure);
  expect(await ask()).toBe("plain text");
  await contacts.learn();
  expect(await ask()).toEqual({ uri: "spiffe://mesh.test/ns/default/dc/dc1/svc/orders" });
  await contacts.learn();
  await clock.advance(30_000);
  await contacts.learn();
  expect(questions()).toBe(2);
});

test("an old control plane, and an instance without a certificate, are spoken to and speak as before", async () => {
  const { port } = await plane(materialOf("legation-control-plane"));
  const old = scene(port, {});
  await old.contacts.learn();
  expect(await old.ask()).toBe("plain text");
  const bare = scene(port, secure, false);
  await bare.contacts.learn();
  expect([await bare.ask(), bare.questions()]).toEqual(["plain text", 0]);
});

test("the token goes where no certificate says who asks, and nowhere else", async () => {
  const { port } = await plane(materialOf("legation-control-plane"));
  const { contacts } = scene(port, secure);
  const api = `http://127.0.0.1:${port}`;
  expect(await contacts.at(api)).toEqual({ url: api, headers: { "x-consul-token": "secret" } });
  await contacts.learn();
  expect(await contacts.at(api)).toMatchObject({ url: `https://127.0.0.1:${port}`, headers: {} });
});

test("no token goes out in plain text to a name that the registry does not have, when all control planes serve TLS", async () => {
  const { contacts } = scene(1, secure, true, true);
  await contacts.learn();
  expect(await contacts.at("http://control-plane.internal:18500")).toMatchObject({
    url: "https://control-plane.internal:18500",
    headers: {},
  });
});

test("whoever has the certificate of another service, or of another authority, is told nothing", async () => {
  const impostor = await plane(materialOf("web"));
  const first = scene(impostor.port, secure);
  await first.contacts.learn();
  await expect(first.ask()).rejects.toThrow(/certificate of spiffe:.*web instead of a control plane's/);
  const other = createTestAuthority();
  const foreign = other.issue(["spiffe://mesh.test/ns/default/dc/dc1/svc/legation-control-plane"]);
  const stranger = await plane({ ...foreign, ca: other.ca });
  const second = scene(stranger.port, secure);
  await second.contacts.learn();
  await expect(second.ask()).rejects.toThrow();
});

test("one on loopback that has no certificate yet is asked in plain text, and by TLS again when it has", async () => {
  const late = await plane(undefined);
  const { contacts, ask, clock } = scene(late.port, secure);
  await contacts.learn();
  expect(await ask()).toBe("plain text");
  late.renew(materialOf("legation-control-plane"));
  await clock.advance(10_001);
  expect(await ask()).toHaveProperty("uri");
});
