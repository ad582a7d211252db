import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "@legation/contract/api";
import { ConfigError } from "@legation/runtime/command-line";
import { afterEach, beforeEach, expect, test } from "vitest";
import { paper } from "../screen.js";
import { planText } from "./plan-text.js";
import { readSample } from "./sample.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "legation-plan-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = (text: string) => {
  const path = join(mkdtempSync(join(dir, "in-")), "requests");
  writeFileSync(path, text);
  return path;
};

test("a sample is read from flags, from lines, and from the proxies' access log, and equal requests count once", () => {
  const caller = "spiffe://x.consul/ns/default/dc/dc1/svc/web";
  const logged = (entry: object) => JSON.stringify({ status: 200, upstreamCluster: "orders", ...entry });
  const requests = file(
    [
      "# every morning",
      "GET http://orders/x?q=1",
      "POST stock/",
      logged({ method: "GET", host: "orders", path: "/log", caller }),
      logged({ method: "GET", host: "orders", path: "/log", caller }),
      logged({ method: "GET", host: "orders:80", path: "/log", caller: null }),
      logged({ method: null, host: null, path: null, termination: "rbac" }),
      "",
    ].join("\n"),
  );
  const sample = readSample({ request: ["GET http://orders/"], header: ["X-Beta: 1"], requests, from: "batch" });
  expect(sample).toEqual([
    { method: "GET", host: "orders", path: "/log", headers: {}, from: "web", count: 2 },
    { method: "GET", host: "orders", path: "/", headers: { "x-beta": "1" }, from: "batch", count: 1 },
    { method: "GET", host: "orders", path: "/x?q=1", headers: {}, from: "batch", count: 1 },
    { method: "POST", host: "stock", path: "/", headers: {}, from: "batch", count: 1 },
    { method: "GET", host: "orders:80", path: "/log", headers: {}, from: "batch", count: 1 },
  ]);
});

test("what is no request is named with its line", () => {
  for (const [what, o] of [
    [/requests:2: this is no request/, { requests: file("GET http://a/\nhello\n") }],
    [/requests:1: .*JSON/, { requests: file("{no\n") }],
    [/--request get x/, { request: ["get x"] }],
    [/-H broken/, { header: ["broken"] }],
    [/nowhere: ENOENT/, { requests: join(dir, "nowhere") }],
  ] as const)
    expect(() => readSample(o)).toThrow(what);
  expect(() => readSample({ request: ["get x"] })).toThrow(ConfigError);
});

test("a plan fits the terminal, shows only what differs, and names the proxies", () => {
  const routes = (timeout: string) => ({
    name: "orders",
    routes: Array.from({ length: 9 }, (_, i) => ({ name: `r${i}`, timeout: i === 4 ? timeout : "1s" })),
  });
  const request = { method: "GET", host: "orders", path: "/x", headers: {}, count: 3 };
  const change = { typeUrl: "t", from: "1", to: "2", proxies: ["n1/web-1", "n1/web-2", "n1/web-3", "n1/web-4"] };
  const plan: Plan = {
    ...{ proxies: 9, changed: 4, changedProxies: [], replicas: 2, silent: ["10.0.0.2:8080 refused the connection"] },
    resources: [
      { ...change, type: "routes", name: "outbound", before: routes("1s"), after: routes("2s") },
      { ...change, type: "listener", name: "tcp", from: null, before: null, after: { name: "tcp" }, proxies: ["n1/web-1"] },
    ],
    requests: [
      { request, from: "web", before: [], after: [], now: "orders (orders route #2)", next: "404 (orders)", proxies: ["n1/web-1"] },
    ],
  };
  const before = { apiVersion: "legation/v1", kind: "Service", name: "orders", timeouts: { request: "1s" } } as const;
  const text = planText(
    { ...plan, documents: [{ document: "Service/orders", before, after: { ...before, timeouts: { request: "2s" } } }] },
    5,
    paper,
  );
  expect(text).toBe(
    [
      "Service/orders changed",
      '  - timeouts: {"request":"1s"}',
      '  + timeouts: {"request":"2s"}',
      "",
      "4 of 9 proxies get other resources.",
      "",
      "routes outbound changed, for 4 proxies: n1/web-1, n1/web-2, n1/web-3, and 1 more",
      "@@ line 9, then 9 @@",
      "   - name: r3",
      "     timeout: 1s",
      "   - name: r4",
      "-    timeout: 1s",
      "+    timeout: 2s",
      "   - name: r5",
      "     timeout: 1s",
      "   - name: r6",
      "",
      "listener tcp new, for 1 proxy: n1/web-1",
      "",
      "1 of 5 requests goes elsewhere.",
      "",
      "GET http://orders/x from web (1 proxy: n1/web-1), 3 times in the sample",
      "  now: orders (orders route #2)",
      "  then: 404 (orders)",
      "",
      "Not asked, its proxies are missing here: 10.0.0.2:8080 refused the connection",
      "",
    ].join("\n"),
  );
});
