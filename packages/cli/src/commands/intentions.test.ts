import { createServer } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../testing/capture.js";
import { listening } from "../testing/listening.js";

const asked: string[] = [];
const server = createServer((request, answer) => {
  asked.push(request.url ?? "");
  answer.setHeader("content-type", "application/json");
  const query = new URL(request.url ?? "", "http://x").searchParams;
  const check = {
    from: query.get("from"),
    to: query.get("to"),
    verdict: query.get("from") === "web" ? "allow" : "deny",
    reason: "it says so",
    authorization: "shadow",
  };
  const intentions = [
    { source: "web", destination: "orders", precedence: 9, rule: "allow" },
    { source: "*", destination: "orders", precedence: 8, rule: [{ action: "deny" }, { action: "allow" }], flaw: "it asks for a JWT" },
  ];
  answer.end(JSON.stringify(query.has("from") ? check : { default: "deny", intentions }));
});
let api: string[];
beforeAll(async () => {
  api = ["--api", await listening(server)];
});
afterAll(() => server.close());

it("lists the intentions, those that cannot be carried out with the reason, and the default", async () => {
  const { code, out } = await call(["intentions", ...api]);
  expect(code).toBe(0);
  expect(out).toMatch(/web +orders +allow +9 +-\n\* +orders +deny, then allow +8 +denies everything: it asks for a JWT/);
  expect(out).toContain("What no intention speaks of: deny.");
});

it("asks for one call with all that is said of it, and exits with 1 for one that would be denied", async () => {
  const request = ["--path", "/a?b", "--method", "POST", "--header", "x-role:boss"];
  const { code, out } = await call(["intentions", "check", "web", "orders", ...request, ...api]);
  expect(code).toBe(0);
  expect(asked.at(-1)).toBe("/api/intentions/check?from=web&to=orders&path=%2Fa%3Fb&method=POST&header=x-role%3Aboss");
  expect(out).toBe("web to orders: allow, because it says so. The proxies of orders only count it (authorization: shadow).\n");
  expect((await call(["intentions", "check", "admin", "orders", "--json", ...api])).code).toBe(1);
  expect((await call(["intentions", "check", "web", ...api])).code).toBe(2);
});
