import { describe, expect, test } from "vitest";
import { missingRule, ruleToHcl } from "./permission.js";

describe("the rule that a refused request lacks", () => {
  test.each([
    [
      "PUT",
      "/agent/service/register",
      "Permission denied: token with AccessorID 'c1464e46' lacks permission 'service:write' on \"web\"",
      'lacks service:write on "web". Add to its policy: service "web" { policy = "write" }',
    ],
    [
      "GET",
      "/kv/a/b",
      "rpc error making call: Permission denied: token with AccessorID 'c1464e46' lacks permission 'key:read' on \"a/b\"",
      'key "a/b" { policy = "read" }',
    ],
    ["PUT", "/agent/service/register", "Permission denied: Missing service:write on web", 'service "web" { policy = "write" }'],
    ["GET", "/kv/a%20b/c", "Permission denied", 'key "a b/c" { policy = "read" }'],
    ["PUT", "/session/create", "Permission denied", 'session_prefix "" { policy = "write" }'],
    ["GET", "/agent/self", "Permission denied", 'agent_prefix "" { policy = "read" }'],
    ["PUT", "/agent/service/deregister/web", "Permission denied", 'service_prefix "" { policy = "write" }'],
    ["GET", "/agent/connect/ca/leaf/web", "Permission denied", 'service "web" { policy = "write" }'],
    ["GET", "/operator/raft/configuration", "Permission denied", 'operator = "read"'],
    ["GET", "/health/service/web", "Permission denied", 'service_prefix "" { policy = "read" }  node_prefix "" { policy = "read" }'],
  ])("%s %s refused with %j", (method, path, said, advice) => {
    expect(missingRule({ method, path }, said)).toContain(advice);
  });

  test("a request without a token is told that none was sent", () => {
    const said = "Permission denied: anonymous token lacks permission 'service:write' on \"web\". The anonymous token is used implicitly";
    expect(missingRule({ method: "PUT", path: "/agent/service/register" }, said)).toMatch(/^No token was sent: set CONSUL_HTTP_TOKEN/);
  });

  test("a token that Consul does not know is not sent looking for a rule", () => {
    const advice = missingRule({ method: "GET", path: "/agent/self" }, "ACL not found");
    expect(advice).toContain("does not know this token");
    expect(advice).not.toContain("policy =");
  });

  test("an intention's rule stands within a service's", () => {
    expect(ruleToHcl({ resource: "intention", name: "web", access: "write" })).toBe(
      'service "web" { policy = "read"  intentions = "write" }',
    );
  });
});
