/** What a real Envoy makes of the actions of a route's rules. Each check fails when the rule is not there. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Asked, type Echo, startEcho, startGrpcEcho } from "./echo.js";
import { until } from "./figures.js";
import type { Reply } from "./mesh.js";
import { type RouteMesh, startRouteMesh } from "./route-mesh.js";
import { expectShare } from "./share.js";
import { writtenPolicies } from "./written-policies.js";

const on = (exact: string) => ({ path: { exact } });
const under = (prefix: string) => ({ path: { prefix } });
const orders = [
  { match: under("/canary"), to: [{ service: "orders-v2" }] },
  { match: under("/old"), rewrite: { prefix: "/new", host: "orders.internal" } },
  { match: { path: { prefix: "/Off", ignoreCase: true } }, rewrite: { prefix: "/" } },
  { match: { path: { prefix: "/" }, headers: { "x-all": { present: true } } }, rewrite: { prefix: "/all/" } },
  { match: on("/whole"), rewrite: { path: "/other" } },
  { match: { path: { regex: "/v[0-9]+/.*" } }, rewrite: { regex: { pattern: "^/v([0-9]+)/", substitution: "/versions/\\1/" } } },
  { match: { path: { template: "/users/{id}/{rest=**}" } }, rewrite: { template: "/{rest}/of/{id}" } },
  {
    match: under("/moved"),
    redirect: { scheme: "https", host: "example.com", port: 8443, prefix: "/", status: 308, stripQuery: true },
  },
  { match: on("/there"), redirect: { path: "/here" } },
  { match: on("/closed"), respond: { status: 503, body: "closed\n" }, headers: { response: { set: { "retry-after": "7" } } } },
  {
    match: on("/edited"),
    headers: {
      request: { set: { "X-Share": "50% %REQ(x)%" }, add: { "x-way": "rule" }, remove: ["X-Secret"] },
      response: { set: { "x-app": "2" }, add: { "x-way": "back" }, remove: ["x-service"] },
    },
  },
  { match: on("/copied"), mirror: { service: "shadow", share: "25%" } },
  { match: on("/slow"), fault: { delay: { duration: "300ms" } } },
  { match: on("/slower"), fault: { delay: { duration: "1ms", share: "30%" } } },
  { match: on("/broken"), fault: { abort: { status: 418, share: "20%" } } },
  { match: on("/tested"), fault: { abort: { status: 500 }, headers: { "x-test": { exact: "1" } } } },
  { match: under("/wait/short"), timeouts: { request: "100ms" } },
  { match: under("/fail/again"), retries: { attempts: 2, on: [503] } },
  { match: under("/hang/hedged"), timeouts: { perTry: "100ms" }, hedging: { enabled: true } },
  { match: under("/hang/posted"), timeouts: { perTry: "100ms" }, retries: { on: [503] }, hedging: { enabled: true, methods: "all" } },
  { match: on("/socket"), to: [{ service: "orders-v2" }], rewrite: { path: "/chat" } },
];
const rpc = [
  { match: { grpc: { service: "shop.v1.Orders", method: "Place" } }, to: [{ service: "rpc-v2" }] },
  { match: { grpc: { service: "shop.v1.Broken" } }, fault: { abort: { grpc: "unavailable" } } },
];
const head = { apiVersion: "legation/v1" };
const route = (name: string, service: string, rules: object[]) => ({ ...head, kind: "Route", name, service, rules });

let directory: string;
let services: Record<"orders" | "orders-v2" | "shadow" | "rpc" | "rpc-v2", Echo>;
let mesh: RouteMesh;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "legation-routes-"));
  const http = await Promise.all(["orders", "orders-v2", "shadow"].map(startEcho));
  const grpc = await Promise.all(["rpc", "rpc-v2"].map(startGrpcEcho));
  services = Object.fromEntries([...http, ...grpc].map((echo) => [echo.service, echo])) as typeof services;
  const logged = { ...head, kind: "Service", name: "web", accessLog: { path: join(directory, "access.log") } };
  mesh = await startRouteMesh({
    dependencies: ["orders", "rpc"],
    services: [...http.map((echo) => ({ echo, protocol: "http" as const })), ...grpc.map((echo) => ({ echo, protocol: "grpc" as const }))],
    policies: writtenPolicies(JSON.stringify([logged, route("orders", "orders", orders), route("rpc", "rpc", rpc)])),
  });
}, 60_000);
afterAll(async () => {
  await mesh?.stop();
  for (const echo of Object.values(services ?? {})) await echo.stop();
  rmSync(directory, { recursive: true, force: true });
});

const asked = ({ body }: Reply): Asked => JSON.parse(body);
const from = (reply: Reply) => asked(reply).service;
describe("what of a request is written anew", () => {
  it.each([
    ["/old/x?a=b", "/new/x?a=b"],
    ["/old", "/new"],
    ["/off/x", "/x"],
    ["/OFF/x", "/x"],
    ["/off", "/"],
    ["/off/", "/"],
    ["/whole?a=b", "/other?a=b"],
    ["/v7/x", "/versions/7/x"],
    ["/users/7/a/b", "/a/b/of/7"],
  ])("its path: %s becomes %s", async (path, expected) => {
    expect(asked(await mesh.send({ path })).path).toBe(expected);
  });

  it("its path, where every path matches", async () => {
    const headers = { "x-all": "1" };
    expect(asked(await mesh.send({ path: "/x", headers })).path).toBe("/all/x");
    expect(asked(await mesh.send({ path: "/", headers })).path).toBe("/all/");
  });

  it("its host", async () => {
    expect(asked(await mesh.send({ path: "/old" })).headers.host).toBe("orders.internal");
    expect(asked(await mesh.send({ path: "/x" })).headers.host).toBe("orders");
  });

  it("its headers and those of the response", async () => {
    const headers = { "x-share": "mine", "x-way": "app", "x-secret": "1" };
    const reply = await mesh.send({ path: "/edited", headers });
    expect(asked(reply).headers).toMatchObject({ "x-share": "50% %REQ(x)%", "x-way": "app, rule" });
    expect(asked(reply).headers).not.toHaveProperty("x-secret");
    expect(reply.headers).toMatchObject({ "x-app": "2", "x-way": "back" });
    expect(reply.headers).not.toHaveProperty("x-service");
    const plain = await mesh.send({ path: "/plain", headers });
    expect(asked(plain).headers).toMatchObject(headers);
    expect(plain.headers).toMatchObject({ "x-app": "1", "x-service": "orders" });
  });
});

describe("an answer of the caller's own Envoy", () => {
  it("is a redirect", async () => {
    const { status, headers } = await mesh.send({ path: "/moved/x?a=b", method: "POST" });
    expect([status, headers["location"]]).toEqual([308, "https://example.com:8443/x"]);
    const there = await mesh.send({ path: "/there?a=b" });
    expect([there.status, there.headers["location"]]).toEqual([302, "http://orders/here?a=b"]);
  });

  it("is a response", async () => {
    expect(await mesh.send({ path: "/closed" })).toMatchObject({ status: 503, body: "closed\n", headers: { "retry-after": "7" } });
  });
});

describe("copies of requests", () => {
  it("are sent for a share of them, as they are, and nobody waits for an answer", async () => {
    const before = services.shadow.asked.length;
    const replies = await mesh.sendMany(1_000, { path: "/copied?a=b", method: "PUT" });
    expect(replies.map(from)).toEqual(replies.map(() => "orders"));
    await until(
      "no copy is under way",
      async () =>
        (await mesh.stat("cluster.shadow.upstream_rq_active")) + (await mesh.stat("cluster.shadow.upstream_rq_pending_active")) === 0,
    );
    const copies = services.shadow.asked.slice(before);
    expectShare(copies.length, 1_000, 0.25);
    expect(copies[0]).toMatchObject({ method: "PUT", path: "/copied?a=b", headers: { host: "orders" } });
  });
});

describe("faults", () => {
  it("delay all requests, or a share of them", async () => {
    const begin = performance.now();
    expect((await mesh.send({ path: "/slow" })).status).toBe(200);
    // Envoy counts from the time at which its loop woke up, so that it may seem to be a little early.
    expect(performance.now() - begin).toBeGreaterThan(250);
    const before = await mesh.stat("http.outbound.fault.delays_injected");
    const replies = await mesh.sendMany(1_000, { path: "/slower" });
    expect(replies.every(({ status }) => status === 200)).toBe(true);
    expectShare((await mesh.stat("http.outbound.fault.delays_injected")) - before, 1_000, 0.3);
  });

  it("refuse a share of them, with a status", async () => {
    const replies = await mesh.sendMany(1_000, { path: "/broken" });
    const refused = replies.filter(({ status }) => status === 418).length;
    expectShare(refused, 1_000, 0.2);
    expect(replies.filter(({ status }) => status === 200).length).toBe(1_000 - refused);
  });

  it("refuse those with a header, and nothing that no rule speaks of", async () => {
    const before = await mesh.stat("http.outbound.fault.aborts_injected");
    expect((await mesh.send({ path: "/tested", headers: { "x-test": "1" } })).status).toBe(500);
    expect((await mesh.send({ path: "/tested", headers: { "x-test": "2" } })).status).toBe(200);
    expect((await mesh.send({ path: "/untested", headers: { "x-test": "1" } })).status).toBe(200);
    expect((await mesh.stat("http.outbound.fault.aborts_injected")) - before).toBe(1);
  });
});

describe("how a rule's requests are sent", () => {
  it("has a timeout of its own", async () => {
    expect((await mesh.send({ path: "/wait/short" })).status).toBe(504);
    expect((await mesh.send({ path: "/wait/long" })).status).toBe(200);
  });

  it("has retries of its own", async () => {
    expect((await mesh.send({ path: "/fail/again" })).status).toBe(200);
    expect(services.orders.asked.filter(({ path }) => path === "/fail/again")).toHaveLength(2);
    expect((await mesh.send({ path: "/fail/once" })).status).toBe(503);
  });

  it("has hedging of its own", async () => {
    expect((await mesh.send({ path: "/hang/hedged" })).status).toBe(200);
    expect(services.orders.asked.filter(({ path }) => path === "/hang/hedged")).toHaveLength(2);
  });

  it("has hedging of requests that nothing else tries again, where that was asked for", async () => {
    expect((await mesh.send({ method: "POST", path: "/hang/posted" })).status).toBe(200);
    expect(services.orders.asked.filter(({ path }) => path === "/hang/posted")).toHaveLength(2);
  });
});

describe("a WebSocket", () => {
  it("goes by the rules like any request, and stays open", async () => {
    const socket = connect(mesh.outbound, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    socket.write(
      "GET /socket HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    try {
      await until("the socket is open", async () => answer.includes("\r\n\r\n"));
      expect(answer).toMatch(/^HTTP\/1\.1 101 /);
      expect(answer.toLowerCase()).toContain("x-service: orders-v2");
      expect(answer).toContain("x-path: /chat");
      socket.write("hello");
      await until("the echo has come", async () => answer.endsWith("hello"));
    } finally {
      socket.destroy();
    }
  });
});

/** A gRPC call with an empty message. */
function call(path: string, contentType = "application/grpc"): Promise<{ service?: string; status?: string }> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${mesh.outbound}`);
    session.on("error", reject);
    const stream = session.request({ ":method": "POST", ":path": path, ":authority": "rpc", "content-type": contentType, te: "trailers" });
    const found: { service?: string; status?: string } = {};
    const note = (headers: Record<string, unknown>) => {
      if (headers["x-service"]) found.service = String(headers["x-service"]);
      if (headers["grpc-status"]) found.status = String(headers["grpc-status"]);
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", reject);
    stream.on("end", () => {
      session.close();
      resolve(found);
    });
    stream.resume();
    stream.end(Buffer.alloc(5));
  });
}

describe("gRPC calls", () => {
  it("go by service and method, and what is no gRPC does not", async () => {
    expect(await call("/shop.v1.Orders/Place")).toEqual({ service: "rpc-v2", status: "0" });
    expect(await call("/shop.v1.Orders/List")).toEqual({ service: "rpc", status: "0" });
    expect((await call("/shop.v1.Orders/Place", "application/json")).service).toBe("rpc");
  });

  it("are refused with a code of gRPC", async () => {
    expect(await call("/shop.v1.Broken/Any")).toEqual({ status: "14" });
  });
});

describe("a rule's name", () => {
  it("stands in the statistics of its requests, and in the access log", async () => {
    const before = await mesh.stat("vhost.orders.route.Route/orders#0.upstream_rq_total");
    await mesh.sendMany(3, { path: "/canary/named" });
    expect((await mesh.stat("vhost.orders.route.Route/orders#0.upstream_rq_total")) - before).toBe(3);
    const logged = () => readFileSync(join(directory, "access.log"), "utf8").split("\n");
    const named = (line: string) => line.includes('"/canary/named"') && line.includes('"Route/orders#0"');
    await until("the requests are logged", async () => logged().filter(named).length === 3);
  });
});
