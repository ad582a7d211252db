/** One replica asks another, over a real socket. */
import { getEventListeners } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { controlPlaneService } from "@legation/contract";
import { securePort, tlsPeer } from "@legation/runtime";
import { createTestAuthority } from "@legation/runtime/testing";
import { afterEach, expect, test } from "vitest";
import { superseded } from "../channel/fan-out.js";
import type { OwnCertificate } from "../security/own-leaf.js";
import { createAskReplica } from "./ask-replica.js";

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const authority = createTestAuthority();
const never = new AbortController().signal;

function certificateOf(service: string, ca = authority): OwnCertificate {
  const identity = { trustDomain: "mesh.test", namespace: "default", datacenter: "dc1", service };
  return { identity, tls: { ...ca.issue([`spiffe://mesh.test/ns/default/dc/dc1/svc/${service}`]), ca: ca.ca } };
}

const own = certificateOf(controlPlaneService);

/** A replica that answers who asked it. */
async function replica(certificate: OwnCertificate, status = 200): Promise<string> {
  const server = createServer((request, response) => {
    response.statusCode = status;
    response.end(JSON.stringify({ replica: tlsPeer(request.socket)?.uri ?? "plain text" }));
  });
  securePort(server, { tls: certificate.tls, clientCertificate: "optional", plaintext: true, protocols: ["http/1.1"] });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ask = (address: string, tls: boolean, mine: OwnCertificate | undefined = own) =>
  createAskReplica(
    () => mine,
    async () => undefined,
  )({ replica: "r2", address, tls }, "/v1/agents/leaving", {}, 5_000, never);

test("by TLS where both have a certificate, and in plain text where one has none", async () => {
  const address = await replica(own);
  expect(await ask(address, true)).toEqual({ replica: "spiffe://mesh.test/ns/default/dc/dc1/svc/legation-control-plane" });
  expect(await ask(address, false)).toEqual({ replica: "plain text" });
  expect(
    await createAskReplica(
      () => undefined,
      async () => undefined,
    )({ replica: "r2", address, tls: true }, "/", {}, 5_000, never),
  ).toEqual({
    replica: "plain text",
  });
});

test("nothing is told to one that is no control plane, or of another authority", async () => {
  await expect(ask(await replica(certificateOf("web")), true)).rejects.toThrow(/svc\/web instead of a control plane's/);
  await expect(ask(await replica(certificateOf(controlPlaneService, createTestAuthority())), true)).rejects.toThrow();
});

test("the token goes in plain text to this machine alone where this replica has a certificate", async () => {
  let asked = 0;
  const token = async () => {
    asked++;
    return "secret";
  };
  const signal = AbortSignal.timeout(200);
  const to = (address: string, mine: OwnCertificate | undefined) =>
    createAskReplica(() => mine, token)({ replica: "r2", address, tls: false }, "/", {}, 200, signal).catch(() => undefined);
  await to(await replica(own), own);
  expect(asked).toBe(1);
  await to("192.0.2.77:1", own);
  expect(asked).toBe(1);
  await to("192.0.2.77:1", undefined);
  expect(asked).toBe(2);
});

test("its refusals come with their words, and what it has merely accepted is none", async () => {
  expect(await ask(await replica(own, 202), true)).toMatchObject({ replica: expect.stringContaining("legation-control-plane") });
  await expect(ask(await replica(own, 409), true)).rejects.toMatchObject({ code: superseded });
  await expect(ask(await replica(own, 503), true)).rejects.toThrow(/answered 503/);
  await expect(ask("127.0.0.1:1", false)).rejects.toThrow("refused the connection");
});

test("questions leave nothing at a signal that outlives them, and end with it", async () => {
  const held = (signal: object): number =>
    Object.getOwnPropertySymbols(signal)
      .map((key) => (signal as Record<symbol, unknown>)[key])
      .reduce((sum: number, value) => sum + (value instanceof Set ? value.size : 0), 0);
  const lasting = new AbortController();
  const to = { replica: "r2", address: await replica(own), tls: true };
  const asking = createAskReplica(
    () => own,
    async () => undefined,
  );
  for (let i = 0; i < 3; i++) await asking(to, "/", {}, 5_000, lasting.signal);
  expect([held(lasting.signal), getEventListeners(lasting.signal, "abort").length]).toEqual([0, 0]);
  const silent = createServer(() => lasting.abort(new Error("gone")));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await expect(asking({ replica: "r2", address, tls: false }, "/", {}, 5_000, lasting.signal)).rejects.toThrow("gone");
});

test("who does not answer in time is given up with the time", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const to = { replica: "r2", address: `127.0.0.1:${(silent.address() as AddressInfo).port}`, tls: false };
  const asking = createAskReplica(
    () => undefined,
    async () => undefined,
  );
  await expect(asking(to, "/", {}, 30, never)).rejects.toThrow("did not answer within 30 ms");
});
