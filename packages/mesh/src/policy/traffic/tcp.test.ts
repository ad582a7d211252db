import { describe, expect, it } from "vitest";
import { compileService } from "../../compile-service.js";
import { instance } from "../../proof/instances.js";
import { writtenPolicies } from "../../proof/written-policies.js";
import { fieldsOf } from "../fields.js";
import { kinds } from "../kinds.js";
import { unsupportedByTcp } from "./tcp.js";

const policies = writtenPolicies(`apiVersion: legation/v1
kind: MeshDefaults
name: mesh
retries: { attempts: 1 }
---
apiVersion: legation/v1
kind: Service
name: db
retries: { on: [503], backoff: { base: 10ms } }
timeouts: { request: 5s, idle: 1h }
limits: { connections: 10 }
circuitBreaker: { failureThreshold: 2 }
`);
const told = (protocol: string) =>
  compileService({ name: "db", instances: [instance({ service: "db", meta: { protocol } })] }, policies).problems.map(
    ({ code, message }) => `${code}: ${message}`,
  );

describe("the policy of a service that speaks tcp", () => {
  it("is told, of each field that is for requests, that it does nothing", () => {
    expect(told("tcp")).toEqual([
      "tcp-unsupported: it speaks tcp, so that retries does nothing: a connection that is not made is tried at up to 20 instances, and one that was made never again. Take it out of Service/db",
      "tcp-unsupported: it speaks tcp, so that timeouts.request does nothing: it is for requests, and callers see bytes. Take it out of Service/db",
    ]);
  });

  it("is told nothing where it speaks HTTP, nor of what is said to all", () => {
    expect(told("http")).toEqual([]);
    expect(unsupportedByTcp(undefined)).toEqual([]);
  });

  it("has every field that this knows", () => {
    const known = fieldsOf(kinds.Service.schema);
    const all = { hashOn: [], boundedLoad: 1 };
    const document = {
      ...{ apiVersion: "legation/v1", kind: "Service", name: "db", balancing: all, retries: {}, hedging: {} },
      circuitBreaker: { timeout: 1, consecutive: { serverErrors: 1, gatewayErrors: 1 } },
      limits: { requests: 1, requestsPerConnection: 1 },
      timeouts: { request: 1, perTry: 1, perTryIdle: 1, stream: 1 },
      connections: { idleTimeout: 1, appIdleTimeout: 1, lifetime: 1 },
    };
    const fields = unsupportedByTcp(document as never).map((text) => /so that (\S+) does/.exec(text)?.[1] ?? "");
    expect(fields).toHaveLength(16);
    for (const field of fields) expect(known.has(field), field).toBe(true);
  });
});
