import { arrivingPath, commandsPath, leavingPath, reportPath, type ServiceIdentity } from "@legation/contract";
import fastify from "fastify";
import { expect, test } from "vitest";
import { openAccess } from "../security/access.js";
import type { Caller } from "../security/caller.js";
import type { SecurityReport } from "../security/events.js";
import type { Peer } from "../security/peer.js";
import { createBorneOut } from "./borne-out.js";

const identity = (service: string): ServiceIdentity => ({ trustDomain: "mesh.test", namespace: "default", datacenter: "dc1", service });
const own = { identity: identity("legation-control-plane"), tls: { key: "", cert: "", ca: "" } };
const far: Peer = { address: "10.0.0.9", loopback: false, tls: true };
const withLeaf = (service: string): Peer => ({ ...far, service: identity(service), spiffeId: `spiffe://…/${service}` });
const said = { node: "n1", id: "o1", service: "orders" };

/** Status and security events of one request by `peer`. */
async function ask(
  peer: Peer,
  body: object,
  { path = leavingPath, headers = {}, certified = true, caller = "open" as Caller["kind"] } = {},
) {
  const events: SecurityReport[] = [];
  const app = fastify();
  app.decorateRequest("peer", null as unknown as Peer);
  app.decorateRequest("access");
  app.addHook("onRequest", async (request) => {
    request.peer = peer;
    request.access = openAccess({ kind: caller, address: peer.address }, { detail: {} });
  });
  const serviceOf = (instance: string) => ({ "n1/o1": "orders", "n1/w1": "web" })[instance];
  const sink = { report: (event: SecurityReport) => void events.push(event) };
  app.addHook("preHandler", createBorneOut({ certificate: () => (certified ? own : undefined), serviceOf, events: sink }));
  app.post(path, async () => "done");
  app.get(path, async () => "done");
  const query = new URLSearchParams(body as Record<string, string>);
  const answer = await app.inject(
    path === commandsPath ? { method: "GET", url: `${path}?${query}`, headers } : { method: "POST", url: path, payload: body, headers },
  );
  return { status: answer.statusCode, body: answer.body, events };
}

test.each([reportPath, leavingPath, arrivingPath, commandsPath])("%s: an agent speaks for its own service alone", async (path) => {
  expect(await ask(withLeaf("orders"), said, { path })).toMatchObject({ status: 200, events: [] });
  expect(await ask(withLeaf("orders"), { ...said, id: "not-registered-yet" }, { path })).toMatchObject({ status: 200, events: [] });
  const liar = await ask(withLeaf("web"), said, { path });
  expect(liar).toMatchObject({ status: 403, events: [{ kind: "claim-refused", detail: { instance: "n1/o1" } }] });
  expect(liar.body).toContain("the certificate is for the service web, and the claim is to be orders");
});

test("an instance that is registered under another service cannot be taken over", async () => {
  const taken = await ask(withLeaf("orders"), { ...said, id: "w1" });
  expect(taken).toMatchObject({ status: 403, events: [{ kind: "claim-refused" }] });
  expect(taken.body).toContain("n1/w1 is registered as an instance of web");
  expect((await ask(withLeaf("orders"), { node: "n1", id: "w1" }, { path: commandsPath })).status).toBe(403);
});

test("only a control plane relays, or a program on this machine", async () => {
  const relayed = { ...said, relayed: true };
  const statuses = await Promise.all(
    [withLeaf("legation-control-plane"), { ...far, tls: false, loopback: true }, withLeaf("orders"), { ...far, tls: false }].map(
      async (peer) => (await ask(peer, relayed)).status,
    ),
  );
  expect(statuses).toEqual([200, 200, 403, 403]);
  expect((await ask({ ...far, tls: false }, relayed, { certified: false })).status).toBe(200);
});

test("who shows no certificate, or a token that Consul knows, is judged by the token alone", async () => {
  expect((await ask(far, said)).status).toBe(200);
  expect((await ask(withLeaf("web"), said, { caller: "token" })).status).toBe(200);
});

test("a token that nobody has looked at, because Consul uses no ACLs, opens nothing", async () => {
  for (const headers of [{ "x-consul-token": "t" }, { authorization: "Bearer t" }]) {
    expect((await ask(withLeaf("web"), said, { headers })).status).toBe(403);
    expect((await ask({ ...far, tls: false }, { ...said, relayed: true }, { headers })).status).toBe(403);
  }
});
