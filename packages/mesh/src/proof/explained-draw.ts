/** What random meshes with requests are made of: services, their instances and states, rules, and requests that meet them. */
import fc from "fast-check";
import type { Check } from "../catalog/instance.js";
import { anyTraffic } from "../policy/testing/arbitrary.js";

/** Services of each mesh, and instances of each of them at most. */
export const letters = ["a", "b", "c"];
/** See `letters`. */
export const mostInstances = 4;

const checks = fc.constantFrom<readonly Check[]>(
  [],
  [],
  [],
  [],
  [],
  [{ id: "http", name: "http", status: "passing", output: "" }],
  [{ id: "http", name: "http", status: "warning", output: "slow" }],
  [{ id: "http", name: "http", status: "critical", output: "connection refused" }],
  [{ id: "ttl", name: "ttl", status: "critical", output: "TTL expired" }],
  [{ id: "_node_maintenance", name: "m", status: "critical", output: "" }],
);

const drawnInstance = fc.record({
  tags: fc.subarray(["v1", "canary"]),
  version: fc.constantFrom("v1", "v2", "2.0"),
  zone: fc.constantFrom("a", "a", "b", ""),
  region: fc.constantFrom("north", "north", "north", "south", "west", ""),
  weight: fc.constantFrom(1, 1, 1, 3),
  checks,
  everPassed: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  degraded: fc.oneof({ weight: 7, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  victim: fc.boolean(),
});

/** Rules that meet the requests below, and each other. */
const drawnRule = fc
  .tuple(
    fc.constantFrom<object>(
      {},
      { path: { prefix: "/v1" } },
      { path: { prefix: "/v1/orders" } },
      { path: { exact: "/x" } },
      { path: { template: "/users/{id}" } },
      { path: { regex: "/items/[0-9]+" } },
      { headers: { "x-beta": { exact: "v1" } } },
      { headers: { "x-user": { present: true } }, path: { prefix: "/v1" } },
      { query: { q: { present: true } } },
      { grpc: {} },
      { methods: ["POST", "PUT"] },
    ),
    fc.constantFrom<object>(
      { to: [{ subset: "v2" }] },
      {
        to: [
          { subset: "v1", weight: 60 },
          { subset: "v2", weight: 40 },
        ],
      },
      {
        to: [
          { service: "any-a", weight: 50 },
          { service: "any-b", weight: 50 },
        ],
      },
      { to: [{ service: "any-c", subset: "v1" }] },
      { to: [{ subset: "undeclared" }] },
      { to: [{ service: "any-gone" }] },
      { fault: { abort: { status: 418, share: "50%" } } },
      { fault: { abort: { status: 503 }, headers: { "x-user": { exact: "v1" } } } },
      { fault: { abort: { grpc: "unavailable", share: "40%" }, delay: { duration: "2ms", share: "50%" } } },
      { rewrite: { path: "/new" } },
      { rewrite: { regex: { pattern: "([a-z]+)/([0-9]+)", substitution: "\\2-\\1" }, host: "elsewhere" } },
      { redirect: { path: "/moved", stripQuery: true } },
      { redirect: { host: "example.com", scheme: "https", port: 8443, status: 307 } },
      { redirect: { regex: { pattern: "^/([a-z0-9]+)", substitution: "/old/\\1" } } },
      { respond: { status: 410, body: "gone" } },
      { mirror: { service: "any-b", share: "50%" } },
    ),
  )
  .map(([match, action]) => (Object.keys(match).length > 0 ? { match, ...action } : action));

const drawnService = fc.record({
  rules: fc.array(drawnRule, { maxLength: 4 }),
  protocol: fc.oneof({ weight: 7, arbitrary: fc.constant("http") }, { weight: 1, arbitrary: fc.constant("tcp") }),
  // One place for all, or each its own.
  place: fc.option(fc.record({ zone: fc.constantFrom("a", "b"), region: fc.constant("north") }), { nil: undefined }),
  instances: fc.array(drawnInstance, { maxLength: mostInstances }),
  settings: fc.record(
    {
      strategy: fc.constantFrom("round_robin", "random", "least_connections", "health_based", "ring_hash", "maglev"),
      panicThreshold: fc.constantFrom("0%", "30%", "50%", "100%"),
      locality: fc.constantFrom<object>(
        { prefer: "none" },
        { prefer: "region" },
        { failover: ["west"] },
        { failover: [] },
        { overprovisioning: "100%" },
      ),
      whenAllFail: fc.constant("fail-fast"),
    },
    { requiredKeys: [] },
  ),
});

const drawnRequest = fc.record({
  method: fc.constantFrom("GET", "GET", "POST", "PUT", "DELETE"),
  service: fc.constantFrom(...letters, ...letters, "nobody"),
  form: fc.constantFrom("", "", "", ".mesh", ".service.consul", ":8080"),
  path: fc.constantFrom("/", "/v1", "/v1/orders", "/v1/orders/7", "/users/7", "/items/12", "/x", "/orders.v1.Orders/Get", "/hello"),
  query: fc.constantFrom("", "", "?version=v1", "?q", "?x-user=v1&zone="),
  headers: fc.dictionary(fc.constantFrom("x-user", "x-beta"), fc.constantFrom("v1", "v2", "orders", "dev", "7"), { maxKeys: 2 }),
  grpc: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

/** All of it; names begin with `any-`. */
export const anyDraw = fc.record({
  documents: anyTraffic(letters.map((letter) => `any-${letter}`)),
  services: fc.tuple(...letters.map(() => drawnService)),
  requests: fc.array(drawnRequest, { minLength: 30, maxLength: 30 }),
  ejecting: fc.boolean(),
});

/** One of these. */
export type Draw = typeof anyDraw extends fc.Arbitrary<infer T> ? T : never;
