import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProofMesh, type Reply, startProofMesh } from "./mesh.js";

let mesh: ProofMesh;
beforeAll(async () => {
  mesh = await startProofMesh(1);
}, 60_000);
afterAll(() => mesh?.stop());

/** Writes raw bytes to a listener, the outbound one unless given, and returns what came back until `until` or the end. */
function raw(text: string, until: string, port = mesh.outbound): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    const done = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (chunk) => {
      answer += String(chunk);
      if (answer.includes(until)) done();
    });
    socket.on("end", done);
    socket.on("error", reject);
  });
}

describe("traffic through two sidecars", () => {
  it.each(["orders", "orders:8080", "orders.mesh", "ORDERS.mesh:80", "orders.service.consul"])(
    "reaches orders as http://%s/",
    async (host) => {
      expect(await mesh.send({ host })).toMatchObject({ status: 200, body: expect.stringMatching(/^orders-1 /) });
    },
  );

  it("carries the application's own request ID, and makes one where it has none", async () => {
    expect((await mesh.send({ headers: { "x-request-id": "mine" } })).body).toBe("orders-1 mine");
    expect((await mesh.send({})).body).toMatch(/^orders-1 [0-9a-f-]{36}$/);
  });

  it.each(["elsewhere", "orders.example.com", "10.0.0.1:80"])("answers 502 for %s, and says which rule refuses it", async (host) => {
    const reply = await mesh.send({ host });
    expect(reply.status).toBe(502);
    expect(reply.body).toContain("no dependency of this name is declared by web: add it to dependencies");
    expect(reply.body).toContain("Declared: orders");
  });

  it.each(["orders:443", "elsewhere:443"])("refuses CONNECT to %s in words", async (authority) => {
    const answer = await raw(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, "proxy\n");
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toContain("legation: CONNECT is not served here");
  });

  it("serves a proxy request with an absolute URL", async () => {
    expect(await raw("GET http://orders/ HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n", "orders-1")).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("serves HTTP/1.0 too, as old clients and load generators speak it", async () => {
    const asked = "GET / HTTP/1.0\r\nHost: orders\r\n\r\n";
    expect(await raw(asked, "orders-1")).toMatch(/^HTTP\/1\.[01] 200 /);
    const inbound = await mesh.instances[0]?.envoy.port("inbound");
    expect(await raw(asked, "orders-1", inbound)).toMatch(/^HTTP\/1\.[01] 200 /);
  });

  it("carries a WebSocket both ways", async () => {
    const upgrade = "GET / HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello over there";
    const answer = await raw(upgrade, "hello over there");
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toContain("hello over there");
  });

  it("never tries a status again that the application chose, whatever its headers say, and strips the failure header", async () => {
    const before = Number((await mesh.send({ path: "/count" })).body);
    const replies: Reply[] = [];
    for (const code of [503, 502, 504]) replies.push(await mesh.send({ path: `/status/${code}` }));
    expect(replies.map((reply) => reply.status)).toEqual([503, 502, 504]);
    expect(replies.map((reply) => reply.headers["x-legation-app"])).toEqual([undefined, undefined, undefined]);
    expect(Number((await mesh.send({ path: "/count" })).body)).toBe(before + 3);
  });

  it("does not retry on the inbound side, even when a request asks for it", async () => {
    const inbound = await mesh.instances[0]?.envoy.port("inbound");
    const before = Number((await mesh.send({ path: "/count" })).body);
    const reply = await fetch(`http://127.0.0.1:${inbound}/status/503`, {
      headers: { "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "3" },
    });
    expect(reply.status).toBe(503);
    expect(Number((await mesh.send({ path: "/count" })).body)).toBe(before + 1);
  });
});
