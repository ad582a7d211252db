import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyService, check, instance } from "../proof/instances.js";
import { endpointOf, endpointsOf, isServing } from "./endpoint.js";
import type { Instance } from "./instance.js";

const maintenance = { ...check("critical", "_service_maintenance:orders-1"), output: "by hand" };
const draining = { ...maintenance, output: "legation:draining" };
const nodeMaintenance = check("critical", "_node_maintenance");
const weights = { passing: 5, warning: 2 };

describe("what Consul says of an instance and what EDS says of its endpoint", () => {
  it.each<[string, Partial<Instance>, ReturnType<typeof endpointOf>]>([
    ["no checks at all", { weights }, { health: "HEALTHY", weight: 5, reason: "no checks" }],
    ["passing", { weights, checks: [check("passing")] }, { health: "HEALTHY", weight: 5, reason: "passing" }],
    ["passing, not yet marked so", { checks: [check("passing")], everPassed: false }, { health: "HEALTHY", weight: 1, reason: "passing" }],
    [
      "warning",
      { weights, checks: [check("warning"), check("passing", "b")] },
      { health: "HEALTHY", weight: 2, reason: "warning: check ttl" },
    ],
    [
      "critical",
      { weights, checks: [check("critical", "b"), check("critical", "a"), check("warning", "c")] },
      { health: "UNHEALTHY", weight: 5, reason: "critical: check a, check b" },
    ],
    [
      "never yet passing",
      { checks: [check("critical")], everPassed: false },
      { omitted: true, reason: "registered, never yet passing: check ttl" },
    ],
    ["in service maintenance", { checks: [maintenance, check("passing")] }, { health: "DRAINING", weight: 1, reason: "in maintenance" }],
    ["draining", { checks: [draining] }, { health: "DRAINING", weight: 1, reason: "draining" }],
    [
      "on a node in maintenance",
      { checks: [nodeMaintenance] },
      { health: "DRAINING", weight: 1, reason: "its Consul node is in maintenance" },
    ],
    ["in maintenance and critical", { checks: [check("critical", "a"), draining] }, { health: "DRAINING", weight: 1, reason: "draining" }],
    [
      "in maintenance before it ever passed",
      { checks: [draining], everPassed: false },
      { omitted: true, reason: "registered, never yet passing: check _service_maintenance:orders-1" },
    ],
    [
      "in another instance's maintenance",
      { checks: [{ ...maintenance, id: "_service_maintenance:orders-2" }] },
      { health: "UNHEALTHY", weight: 1, reason: "critical: check _service_maintenance:orders-2" },
    ],
    [
      "leaving while passing",
      { leaving: true, checks: [check("passing")] },
      { health: "DRAINING", weight: 1, reason: "leaving: its agent has announced a stop" },
    ],
    [
      "leaving while critical",
      { leaving: true, checks: [check("critical")] },
      { health: "DRAINING", weight: 1, reason: "leaving: its agent has announced a stop" },
    ],
    [
      "warning with weight 0",
      { weights: { passing: 5, warning: 0 }, checks: [check("warning")] },
      { health: "DRAINING", weight: 1, reason: "warning: check ttl, with weight 0: no traffic" },
    ],
    [
      "passing with weight 0",
      { weights: { passing: 0, warning: 1 } },
      { health: "DRAINING", weight: 1, reason: "no checks, with weight 0: no traffic" },
    ],
    [
      "kept by the guard",
      { kept: true, checks: [check("passing")] },
      { health: "HEALTHY", weight: 1, reason: "passing; vanished from the registry with most of its service, kept by the mass-loss guard" },
    ],
    ["without a port", { port: 0 }, { omitted: true, reason: "port 0 is not one of 1 to 65535: register it with the port it listens on" }],
    [
      "without an address",
      { address: "" },
      { omitted: true, reason: 'address "" is neither an IP address nor a host name: register it with one' },
    ],
    [
      "with a mesh address that makes up for port 0",
      { port: 0, mesh: { address: "10.0.0.1", port: 20_000 } },
      { health: "HEALTHY", weight: 1, reason: "no checks" },
    ],
  ])("%s", (_, overrides, expected) => {
    expect(endpointOf(instance(overrides))).toEqual(expected);
  });

  it("never has a weight that Envoy refuses, and serves nothing that is critical or leaving", () => {
    fc.assert(
      fc.property(anyService, ({ instances }) => {
        for (const one of instances) {
          const endpoint = endpointOf(one);
          if (!endpoint.omitted) expect(endpoint.weight).toBeGreaterThanOrEqual(1);
          if (one.leaving || one.checks.some(({ status }) => status === "critical")) expect(isServing(endpoint)).toBe(false);
        }
      }),
    );
  });

  it("gives a reason that does not change with a check's output", () => {
    const at = (output: string) => endpointOf(instance({ checks: [{ ...check("critical"), output }] }));
    expect(at("took 12 ms")).toEqual(at("took 13 ms"));
  });
});

describe("a service whose instances all lapse, because Consul has heard nobody for a while", () => {
  const lapsed = (id: string) => ({ ...check("critical", id), output: "TTL expired (last output before timeout follows): passes" });
  const standing = (...instances: Partial<Instance>[]) =>
    [...endpointsOf({ name: "orders", instances: instances.map((of, i) => instance({ id: `orders-${i}`, ...of })) }).values()].map(
      (endpoint) => (endpoint.omitted ? "omitted" : endpoint.health),
    );

  it("is tried at those that only their silence speaks against, and at no other", () => {
    expect(
      standing(
        { checks: [lapsed("heartbeat"), lapsed("http")] },
        { checks: [lapsed("heartbeat"), draining] },
        { checks: [lapsed("heartbeat"), check("critical", "http")] },
        { checks: [lapsed("heartbeat")], leaving: true },
        { checks: [lapsed("heartbeat")], everPassed: false },
      ),
    ).toEqual(["HEALTHY", "DRAINING", "UNHEALTHY", "DRAINING", "omitted"]);
  });

  it("is tried after a restart of Consul, which holds each check of an agent for critical without a word", () => {
    const forgotten = check("critical", "legation:orders-0:heartbeat");
    expect(standing({ checks: [forgotten] }, { checks: [forgotten], leaving: true })).toEqual(["HEALTHY", "DRAINING"]);
    expect(standing({ checks: [check("critical", "by-hand")] })).toEqual(["UNHEALTHY"]);
  });

  it("gives those up as soon as one instance passes", () => {
    expect(standing({ checks: [lapsed("heartbeat")] }, { checks: [check("passing")] })).toEqual(["UNHEALTHY", "HEALTHY"]);
  });
});
