import type { Protocol } from "@legation/contract";
import { toJson } from "@legation/envoy-api";
import { HealthCheckSchema } from "@legation/envoy-api/envoy/config/core/v3/health_check";
import { describe, expect, it } from "vitest";
import { writtenPolicies } from "../../../proof/written-policies.js";
import { trafficTo } from "../traffic-policies.js";
import { healthCheckProblem, healthChecks } from "./envoy-health-check.js";

const head = (kind: string, name: string) => `---\napiVersion: legation/v1\nkind: ${kind}\nname: ${name}\n`;
function settings(fields: string, mesh = "") {
  const policies = writtenPolicies(`${head("MeshDefaults", "mesh")}${mesh}\n${head("Service", "orders")}${fields}\n`);
  return trafficTo({ name: "orders", instances: [] }, policies).settings;
}
const checks = (fields: string, protocol: Protocol = "http", mesh = "") =>
  healthChecks("orders", settings(fields, mesh), protocol).map((check) => toJson(HealthCheckSchema, check));

describe("active checks", () => {
  it("are none without a word, and none where a narrower policy says so", () => {
    const mesh = "healthChecks: { http: { path: /up } }";
    expect(checks("healthChecks: { interval: 1s }")).toEqual([]);
    expect(checks("", "http", mesh)).toHaveLength(1);
    expect(checks("healthChecks: { enabled: false }", "http", mesh)).toEqual([]);
  });

  it("ask for the service by its name, in its own protocol, also while nobody else does", () => {
    expect(checks("healthChecks: { http: { path: /up } }", "grpc")).toEqual([
      {
        timeout: "2s",
        interval: "10s",
        noTrafficInterval: "10s",
        unhealthyThreshold: 3,
        healthyThreshold: 3,
        httpHealthCheck: {
          host: "orders",
          path: "/up",
          method: "GET",
          codecClientType: "HTTP2",
          expectedStatuses: [{ start: "200", end: "201" }],
          retriableStatuses: [{ start: "500", end: "600" }],
        },
      },
    ]);
  });

  it("bring an instance back after as many successes as the circuit breaker says, unless they say it themselves", () => {
    const breaker = "circuitBreaker: { successThreshold: 7 }";
    expect(checks(`healthChecks: { tcp: {} }\n${breaker}`)).toMatchObject([{ healthyThreshold: 7 }]);
    expect(checks(`healthChecks: { tcp: {}, healthyThreshold: 2 }\n${breaker}`)).toMatchObject([{ healthyThreshold: 2 }]);
  });

  it("take the way of asking of the narrowest policy, whole", () => {
    const mesh = "healthChecks: { http: { path: /up, host: up.orders }, interval: 1s }";
    expect(checks("healthChecks: { tcp: { send: A, receive: [B] } }", "http", mesh)).toMatchObject([
      { interval: "1s", reuseConnection: false, tcpHealthCheck: { send: { text: "41" }, receive: [{ text: "42" }] } },
    ]);
    expect(checks("healthChecks: { http: { path: /other } }", "http", mesh)).toMatchObject([
      { httpHealthCheck: { path: "/other", host: "orders" } },
    ]);
  });

  it.each([
    ["http: { path: / }", "tcp", "healthChecks.http is not asked for, since it speaks tcp. Write healthChecks.tcp"],
    ["grpc: {}", "http", "healthChecks.grpc is not asked for, since it speaks http, and gRPC needs HTTP/2. Write healthChecks.http"],
  ] as const)("are left out as { %s } of a service that speaks %s, with a problem", (check, protocol, problem) => {
    expect(checks(`healthChecks: { ${check} }`, protocol)).toEqual([]);
    expect(healthCheckProblem(settings(`healthChecks: { ${check} }`), protocol)).toBe(problem);
  });

  it.each([
    ["{ http: { path: / }, tcp: {} }", "healthChecks.tcp: http says already how instances are asked. Keep one of the two"],
    ["{ enabled: false, tcp: {} }", "healthChecks.enabled: nobody asks, and tcp says how. Take one of the two out"],
    ["{ http: { path: up } }", "use a path that begins with / and has no blank"],
    ["{ http: { path: /, expected: [299-200] } }", "healthChecks.http.expected[0]: ends before it begins. Write 200-299"],
    ["{ http: { path: /, expected: [600] } }", "healthChecks.http.expected[0]: "],
    ["{ http: { path: /, method: HEAD, receive: [a] } }", "healthChecks.http.receive: a HEAD request has no body. Use GET"],
  ])("are refused as %s", (text, message) => {
    expect(() => settings(`healthChecks: ${text}`)).toThrow(message);
  });
});
