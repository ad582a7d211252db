import { encodeMeta } from "@legation/contract";
import { describe, expect, it } from "vitest";
import { instances } from "../../proof/instances.js";
import { writtenPolicies } from "../../proof/written-policies.js";
import { defaultSettings } from "./settings.js";
import { noTraffic, trafficChanges, trafficTo } from "./traffic-policies.js";

const head = (kind: string, name: string) => `---\napiVersion: legation/v1\nkind: ${kind}\nname: ${name}\n`;
const mesh = `${head("MeshDefaults", "mesh")}circuitBreaker: { failureThreshold: 4, timeout: 20s }\n`;
const orders = `${head("Service", "orders")}circuitBreaker: { recoveryTimeout: 30s }\n`;
const wishing = {
  name: "orders",
  instances: instances(1).map((one) => ({
    ...one,
    meta: encodeMeta({ protocol: "http", dependencies: [], wishes: { "failure-threshold": "7", balancing: "random" }, user: {} }),
  })),
};

describe("what holds for a service", () => {
  it("is the default where nobody says anything", () => {
    expect(trafficTo({ name: "orders", instances: [] }, noTraffic)).toEqual({
      ...{ settings: defaultSettings, documents: [], rules: [], subsets: {}, subsetted: false, problems: [] },
    });
  });

  it("is said field by field by its own policy, that of the mesh, its wishes and the defaults, in this order", () => {
    const { settings, documents } = trafficTo(wishing, writtenPolicies(mesh + orders));
    expect(settings).toEqual({
      ...defaultSettings,
      balancing: { ...defaultSettings.balancing, strategy: "random" },
      circuitBreaker: { ...defaultSettings.circuitBreaker, failureThreshold: 4, recoveryTimeout: 30_000 },
      timeouts: { ...defaultSettings.timeouts, request: 20_000 },
    });
    expect(documents).toEqual(["MeshDefaults/mesh", "Service/orders"]);
  });

  it("changes with its own document, and all with that of the mesh", () => {
    const before = writtenPolicies(mesh + orders);
    expect(trafficChanges(before, writtenPolicies(orders + mesh))).toEqual(new Set());
    expect(trafficChanges(before, writtenPolicies(mesh))).toEqual(new Set(["orders"]));
    expect(trafficChanges(before, writtenPolicies(`${mesh}${orders}${head("Service", "web")}`))).toEqual(new Set(["web"]));
    expect(trafficChanges(before, writtenPolicies(orders))).toBe("all");
    const route = (name: string, service: string) => `${head("Route", name)}service: ${service}\nrules: [ { to: [ { service: v2 } ] } ]\n`;
    const routed = writtenPolicies(mesh + orders + route("a", "web"));
    expect(trafficChanges(before, routed)).toEqual(new Set(["web"]));
    expect(trafficChanges(routed, writtenPolicies(mesh + orders + route("b", "web")))).toEqual(new Set(["web"]));
    expect(trafficChanges(routed, writtenPolicies(mesh + orders + route("a", "pay")))).toEqual(new Set(["web", "pay"]));
    const toSubset = route("a", "web").replace("service: v2", "service: pay, subset: v2");
    const declaring = `${head("Service", "pay")}subsets: { v2: { version: "2" } }\n`;
    expect(trafficChanges(writtenPolicies(mesh + toSubset), writtenPolicies(mesh + toSubset + declaring))).toEqual(new Set(["web", "pay"]));
    const other = declaring.replace("v2: {", "v3: {");
    expect(trafficChanges(writtenPolicies(mesh + toSubset), writtenPolicies(mesh + toSubset + other))).toEqual(new Set(["pay"]));
    expect(trafficChanges(writtenPolicies(mesh), writtenPolicies(mesh + toSubset))).toEqual(new Set(["web", "pay"]));
  });

  it("is never said twice in one document, nor by two documents for the mesh", () => {
    expect(() => writtenPolicies(`${orders}timeouts: { request: 1s }\n`)).not.toThrow();
    expect(() => writtenPolicies(`${mesh}timeouts: { request: 1s }\n`)).toThrow(
      "policies.yaml:5: MeshDefaults/mesh: circuitBreaker.timeout: timeouts.request says it already. Keep one of the two",
    );
    expect(() => writtenPolicies(mesh + head("MeshDefaults", "other"))).toThrow(
      "MeshDefaults/other: name: MeshDefaults/mesh holds for the whole mesh already. Put both into one",
    );
  });
});
