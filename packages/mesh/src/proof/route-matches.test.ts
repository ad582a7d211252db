/** Which rule of a route holds for a request: every kind of condition, told by a real Envoy. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Echo, startEcho } from "./echo.js";
import { type RouteMesh, startRouteMesh } from "./route-mesh.js";
import { writtenPolicies } from "./written-policies.js";

/** By the word that the rule answers with. */
const matches = {
  exact: { path: { exact: "/exact" } },
  "exact in any case": { path: { exact: "/Case", ignoreCase: true } },
  prefix: { path: { prefix: "/api" } },
  "prefix in any case": { path: { prefix: "/Any", ignoreCase: true } },
  "longer prefix": { path: { prefix: "/api/v1" } },
  "exact before prefix": { path: { exact: "/api/v1/exact" } },
  template: { path: { template: "/users/{id}/*" } },
  "template to the end": { path: { template: "/files/{rest=**}" } },
  regex: { path: { regex: "/[0-9]+/x?" } },
  methods: { path: { exact: "/methods" }, methods: ["PUT", "PATCH"] },
  "header exact": { path: { exact: "/h" }, headers: { "X-Exact": { exact: "One" } } },
  "header in any case": { path: { exact: "/h" }, headers: { "x-case": { exact: "ONE", ignoreCase: true } } },
  "header prefix": { path: { exact: "/h" }, headers: { "x-prefix": { prefix: "on" } } },
  "header suffix": { path: { exact: "/h" }, headers: { "x-suffix": { suffix: "ne" } } },
  "header contains": { path: { exact: "/h" }, headers: { "x-contains": { contains: "n" } } },
  "header regex": { path: { exact: "/h" }, headers: { "x-regex": { regex: "o.e" } } },
  "header present": { path: { exact: "/h" }, headers: { "x-present": { present: true } } },
  "header range": { path: { exact: "/h" }, headers: { "x-range": { range: { from: -1, to: 10 } } } },
  "header absent": { path: { exact: "/absent" }, headers: { "x-absent": { absent: true } } },
  "header inverted": { path: { exact: "/invert" }, headers: { "x-invert": { exact: "one", invert: true } } },
  "two headers": { path: { exact: "/h" }, headers: { "x-exact": { exact: "One" }, "x-other": { present: true } } },
  "query exact": { path: { exact: "/q" }, query: { exact: { exact: "one" } } },
  "query prefix": { path: { exact: "/q" }, query: { prefix: { prefix: "ON", ignoreCase: true } } },
  "query contains": { path: { exact: "/q" }, query: { contains: { contains: "n" } } },
  "query regex": { path: { exact: "/q" }, query: { regex: { regex: "o.e" } } },
  "query present": { path: { exact: "/q" }, query: { present: { present: true } } },
  "all at once": {
    path: { prefix: "/all" },
    methods: ["GET"],
    headers: { "x-all": { present: true } },
    query: { all: { exact: "1" } },
  },
};

const cases: readonly (readonly [string, { path: string; method?: string; headers?: Record<string, string> }])[] = [
  ["exact", { path: "/exact" }],
  ["exact", { path: "/exact?a=b" }],
  ["orders", { path: "/exact/" }],
  ["orders", { path: "/Exact" }],
  ["exact in any case", { path: "/cASE" }],
  ["prefix", { path: "/api" }],
  ["prefix", { path: "/api/x" }],
  ["orders", { path: "/apix" }],
  ["orders", { path: "/API" }],
  ["prefix in any case", { path: "/aNY/x" }],
  ["orders", { path: "/anyx" }],
  ["longer prefix", { path: "/api/v1/x" }],
  ["prefix", { path: "/api/v12" }],
  ["exact before prefix", { path: "/api/v1/exact" }],
  ["template", { path: "/users/7/orders" }],
  ["orders", { path: "/users/7" }],
  ["orders", { path: "/users/7/orders/8" }],
  ["template to the end", { path: "/files/a/b/c" }],
  ["regex", { path: "/123/" }],
  ["orders", { path: "/123/xx" }],
  ["methods", { path: "/methods", method: "PUT" }],
  ["methods", { path: "/methods", method: "PATCH" }],
  ["orders", { path: "/methods", method: "GET" }],
  ["header exact", { path: "/h", headers: { "x-exact": "One" } }],
  ["orders", { path: "/h", headers: { "x-exact": "one" } }],
  ["header in any case", { path: "/h", headers: { "x-case": "oNe" } }],
  ["header prefix", { path: "/h", headers: { "x-prefix": "one" } }],
  ["orders", { path: "/h", headers: { "x-prefix": "none" } }],
  ["header suffix", { path: "/h", headers: { "x-suffix": "one" } }],
  ["header contains", { path: "/h", headers: { "x-contains": "one" } }],
  ["header regex", { path: "/h", headers: { "x-regex": "ore" } }],
  ["orders", { path: "/h", headers: { "x-regex": "ores" } }],
  ["header present", { path: "/h", headers: { "x-present": "" } }],
  ["header range", { path: "/h", headers: { "x-range": "10" } }],
  ["header range", { path: "/h", headers: { "x-range": "-1" } }],
  ["orders", { path: "/h", headers: { "x-range": "11" } }],
  ["header absent", { path: "/absent" }],
  ["orders", { path: "/absent", headers: { "x-absent": "1" } }],
  ["header inverted", { path: "/invert", headers: { "x-invert": "two" } }],
  ["header inverted", { path: "/invert" }],
  ["orders", { path: "/invert", headers: { "x-invert": "one" } }],
  ["two headers", { path: "/h", headers: { "x-exact": "One", "x-other": "1" } }],
  ["query exact", { path: "/q?a=b&exact=one" }],
  ["orders", { path: "/q?exact=two" }],
  ["query prefix", { path: "/q?prefix=one" }],
  ["query contains", { path: "/q?contains=one" }],
  ["query regex", { path: "/q?regex=one" }],
  ["query present", { path: "/q?present" }],
  ["all at once", { path: "/all/x?all=1", headers: { "x-all": "1" } }],
  ["orders", { path: "/all/x?all=2", headers: { "x-all": "1" } }],
  ["orders", { path: "/all/x?all=1" }],
  ["orders", { path: "/all/x?all=1", headers: { "x-all": "1" }, method: "POST" }],
];

let echo: Echo;
let mesh: RouteMesh;
beforeAll(async () => {
  echo = await startEcho("orders");
  const rules = Object.entries(matches).map(([body, match]) => ({ match, respond: { status: 200, body } }));
  const route = { apiVersion: "legation/v1", kind: "Route", name: "matches", service: "orders", rules };
  const services = [{ echo, protocol: "http" as const }];
  mesh = await startRouteMesh({ dependencies: ["orders"], services, policies: writtenPolicies(JSON.stringify(route)) });
}, 60_000);
afterAll(async () => {
  await mesh?.stop();
  await echo?.stop();
});

describe("a rule holds for the requests of its match alone", () => {
  it.each(cases)("%s: %j", async (expected, request) => {
    const { status, body } = await mesh.send(request);
    expect([status, body.startsWith("{") ? JSON.parse(body).service : body]).toEqual([200, expected]);
  });

  it("and every rule has held for one of them", () => {
    expect(Object.keys(matches).filter((word) => !cases.some(([expected]) => expected === word))).toEqual([]);
  });
});
