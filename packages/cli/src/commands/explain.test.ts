import { createServer } from "node:http";
import type { Explanation, FlagExplanation } from "@legation/contract/api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../testing/capture.js";
import { listening } from "../testing/listening.js";

const told: Explanation = {
  request: { method: "GET", url: "http://orders/x", host: "orders", path: "/x", headers: {} },
  caller: { service: "web", instance: "m/web-1", region: "", zone: "a", kind: "sidecar" },
  summary: "m/orders-1 answers",
  steps: [
    { at: "listener", name: "outbound", text: "the outbound listener at 127.0.0.1:15001", details: [], decidedBy: [{ source: "caller" }] },
    {
      at: "route",
      name: "Route/orders-canary#1",
      text: "to subset v1 of orders",
      details: ["Route/orders-canary#0 is passed over: header x-beta is missing"],
      decidedBy: [{ source: "policy", document: "Route/orders-canary", path: "rules[1]" }],
    },
  ],
  ways: [
    {
      ...{ share: 1, service: "orders", subset: "v1", text: "the least busy by weight of 1 that are well, of 2", nobody: 0 },
      settings: [{ name: "timeout", value: "2 s", decidedBy: { source: "policy", document: "Service/orders", path: "timeouts.request" } }],
      endpoints: [
        {
          ...{ instance: "m/orders-1", address: "10.0.0.1:80", in: true, share: 1, state: "serving", reason: "passing" },
          ...{ region: "", zone: "a", checks: [], decidedBy: [{ source: "catalog" }] },
        },
        {
          ...{ instance: "m/orders-2", address: "10.0.0.2:80", in: false, share: 0, state: "unhealthy", reason: "critical: check http" },
          ...{ region: "", zone: "a", decidedBy: [{ source: "catalog" }] },
          checks: [
            { id: "http", name: "http", status: "critical", output: "connect ECONNREFUSED 127.0.0.1:81", since: "2026-01-01T00:00:00Z" },
          ],
        },
      ],
    },
  ],
  outcomes: [{ share: 1, by: "instance", service: "orders", instance: "m/orders-1", address: "10.0.0.1:80", flags: [], why: "passing" }],
  notes: ["m/web-1 refused orders"],
  otherCallers: [{ instance: "m/web-2", zone: "b", summary: "m/orders-1 answers" }],
  silent: ["c:8080 refused the connection"],
};
const flags: FlagExplanation = {
  line: { flags: ["UF"], status: 503, method: "GET", host: "orders", path: "/x", upstream: "10.0.0.2:80", cluster: "orders" },
  flags: [{ flag: "UF", name: "UpstreamConnectionFailure", meaning: "No connection.", action: "Look.", here: ["m/orders-2 is unhealthy"] }],
  findings: ["tried last: m/orders-2"],
  silent: [],
};

const asked: string[] = [];
const server = createServer((request, answer) => {
  asked.push(decodeURIComponent(request.url ?? ""));
  answer.setHeader("content-type", "application/json");
  answer.end(JSON.stringify(request.url?.startsWith("/api/explain/flags") ? flags : told));
});
let api: string[];
beforeAll(async () => {
  api = ["--api", await listening(server)];
});
afterAll(() => server.close());

it("walks with a request to whoever answers, in lines of 80 columns", async () => {
  const { code, out } = await call(["explain", "POST", "http://orders/x", "--from", "web", "-H", "x-beta:1", "-H", "accept:a,b", ...api], {
    columns: 80,
  });
  expect(code).toBe(0);
  expect(asked.at(-1)).toBe("/api/explain?from=web&url=http://orders/x&method=POST&header=x-beta:1&header=accept:a,b");
  expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(out).toMatch(/^GET http:\/\/orders\/x from web \(m\/web-1 in zone a\)\nm\/orders-1 answers\n/);
  const words = out.replaceAll(/\s+/g, " ");
  expect(words).toContain("route Route/orders-canary#1: to subset v1 of orders [Route/orders-canary rules[1]]");
  expect(words).toContain("- Route/orders-canary#0 is passed over: header x-beta is missing");
  expect(words).toContain("- timeout: 2 s [Service/orders timeouts.request]");
  expect(words).toMatch(/m\/orders-2 0 % unhealthy critical: check http; check http is/);
  expect(words).toContain("Note: m/web-1 refused orders");
  expect(words).toContain("Not asked: c:8080 refused the connection");
});

it("takes a flag, several, a long name, or a line, and says what is so here", async () => {
  for (const flag of ["UF", "UF,URX", "NoHealthyUpstream"]) {
    const { out } = await call(["explain", flag, ...api]);
    expect(asked.at(-1)).toBe(`/api/explain/flags?flag=${flag}`);
    expect(out).toMatch(/UF UpstreamConnectionFailure\nNo connection\.\nWhat to do: Look\.\nHere and now:\n- m\/orders-2 is unhealthy/);
  }
  const { out } = await call(["explain", "--log", '{"flags":"UF"}', "--from", "web", ...api]);
  expect(asked.at(-1)).toBe('/api/explain/flags?from=web&log={"flags":"UF"}');
  expect(out).toMatch(/^GET http:\/\/orders\/x: 503 from 10\.0\.0\.2:80 \(orders\)\n- tried last: m\/orders-2/);
});

it("names what is missing", async () => {
  for (const [args, message] of [
    [[], /nothing is asked/],
    [["GET", "http://orders/"], /who asks is missing\. Write: legation explain GET http:\/\/orders\/ --from web/],
    [["UF", "--log", "x"], /--log is the whole question/],
  ] as const) {
    const { code, err } = await call(["explain", ...args, ...api]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  }
});
