/** How a real Envoy shares out requests and connections by the rules of routes. Each check fails when the rule is not there. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Asked, type Echo, startEcho, startGreeter } from "./echo.js";
import { until } from "./figures.js";
import type { Reply } from "./mesh.js";
import { type RouteMesh, startRouteMesh } from "./route-mesh.js";
import { expectShare } from "./share.js";
import { writtenPolicies } from "./written-policies.js";

const on = (exact: string) => ({ path: { exact } });
const under = (prefix: string) => ({ path: { prefix } });
const orders = [
  {
    match: under("/split"),
    to: [
      { service: "orders", weight: 60 },
      { service: "orders-v2", weight: 40 },
      { service: "shadow", weight: 0 },
    ],
  },
  { match: under("/canary"), to: [{ service: "orders-v2" }] },
  { match: under("/nobody"), to: [{ service: "nobody" }] },
];
const stock = [
  {
    match: under("/split"),
    to: [
      { subset: "v1", weight: 70 },
      { subset: "v2", weight: 30 },
    ],
  },
  { match: under("/v2"), to: [{ subset: "v2" }] },
  { match: under("/empty"), to: [{ subset: "v9" }] },
  { match: under("/undeclared"), to: [{ subset: "v3" }] },
  { match: under("/foreign"), to: [{ service: "orders", subset: "v1" }] },
];
const split = [
  {
    to: [
      { service: "bytes", weight: 60 },
      { service: "bytes-v2", weight: 40 },
    ],
  },
];
const subsets = { v1: { version: "1" }, v2: { version: "2" }, v9: { version: "9" } };
const head = { apiVersion: "legation/v1" };
const route = (name: string, service: string, rules: object[]) => ({ ...head, kind: "Route", name, service, rules });
/** All of this, and more. */
const policies = (...more: object[]) => {
  const stocked = { ...head, kind: "Service", name: "stock", subsets };
  const routes = [route("orders", "orders", orders), route("stock", "stock", stock), route("bytes", "bytes", split)];
  return writtenPolicies(JSON.stringify([stocked, ...routes, ...more]));
};

let echoes: readonly Echo[];
let mesh: RouteMesh;
beforeAll(async () => {
  const http = await Promise.all(["orders", "orders-v2", "shadow"].map(startEcho));
  const bytes = await Promise.all(["bytes", "bytes-v2"].map(startGreeter));
  const stocks = await Promise.all(["stock-1", "stock-2", "stock-3"].map(startEcho));
  echoes = [...http, ...bytes, ...stocks];
  mesh = await startRouteMesh({
    dependencies: ["orders", "stock", "bytes:15432"],
    services: [
      ...http.map((echo) => ({ echo, protocol: "http" as const })),
      ...bytes.map((echo) => ({ echo, protocol: "tcp" as const })),
      ...stocks.map((echo, i) => ({ echo, service: "stock", protocol: "http" as const, meta: { version: i === 0 ? "1" : "2" } })),
    ],
    policies: policies(),
  });
}, 60_000);
afterAll(async () => {
  await mesh?.stop();
  for (const echo of echoes ?? []) await echo.stop();
});

const from = ({ body }: Reply) => (JSON.parse(body) as Asked).service;

describe("where requests go", () => {
  it("is split by weight, and a weight of 0 gets none", async () => {
    const replies = await mesh.sendMany(2_000, { path: "/split" });
    const to = (service: string) => replies.filter((reply) => from(reply) === service).length;
    expect(to("orders") + to("orders-v2")).toBe(2_000);
    expectShare(to("orders-v2"), 2_000, 0.4);
  });

  it("may be a service that the caller does not depend on, and one that is not there fails at once", async () => {
    expect(from(await mesh.send({ path: "/canary/x" }))).toBe("orders-v2");
    expect((await mesh.send({ path: "/nobody" })).status).toBe(503);
    expect((await mesh.send({ host: "orders-v2" })).status).toBe(502);
    expect(from(await mesh.send({ path: "/unmatched" }))).toBe("orders");
  });

  it("is split over subsets, and a subset that is empty or not declared is answered 503 and by nobody else", async () => {
    const replies = await mesh.sendMany(1_000, { host: "stock", path: "/split" });
    const to = (...names: string[]) => replies.filter((reply) => names.includes(from(reply))).length;
    expectShare(to("stock-2", "stock-3"), 1_000, 0.3);
    expect(to("stock-1") + to("stock-2", "stock-3")).toBe(1_000);
    const second = await mesh.sendMany(40, { host: "stock", path: "/v2" });
    expect(new Set(second.map(from))).toEqual(new Set(["stock-2", "stock-3"]));
    for (const path of ["/empty", "/undeclared", "/foreign"]) expect((await mesh.send({ host: "stock", path })).status).toBe(503);
    expect((await mesh.send({ host: "stock" })).status).toBe(200);
  });

  it("changes while requests are under way, and fails none", async () => {
    const green = (service: string) => route("green", "orders", [{ match: on("/live"), to: [{ service }] }]);
    const seen = new Set<string>();
    for (const service of ["orders", "orders-v2", "shadow", "orders"]) {
      mesh.apply(policies(green(service)));
      await until(`${service} answers`, async () => {
        const replies = await mesh.sendMany(20, { path: "/live" });
        expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
        for (const reply of replies) seen.add(from(reply));
        return replies.every((reply) => from(reply) === service);
      });
    }
    expect(seen).toEqual(new Set(["orders", "orders-v2", "shadow"]));
    mesh.apply(policies());
  });
});

describe("connections of a service that speaks tcp", () => {
  it("are split by weight", async () => {
    const port = await mesh.envoy.port("outbound:bytes:15432");
    const heard = await Promise.all(Array.from({ length: 400 }, () => heardFrom(port)));
    const second = heard.filter((name) => name === "bytes-v2").length;
    expect(heard.filter((name) => name === "bytes").length + second).toBe(400);
    expectShare(second, 400, 0.4);
  });
});

/** All that a server says until it ends the connection. */
function heardFrom(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      heard += String(chunk);
    });
    socket.on("close", () => resolve(heard));
  });
}
