import { fromBinary } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { describe, expect, it } from "vitest";
import type { Instance } from "../../../catalog/instance.js";
import { compileService } from "../../../compile-service.js";
import { instance, instances } from "../../../proof/instances.js";
import { writtenPolicies } from "../../../proof/written-policies.js";
import { noTraffic } from "../traffic-policies.js";
import { subsetsOf } from "./subsets.js";

const service = (subsets: string) => writtenPolicies(`apiVersion: legation/v1\nkind: Service\nname: orders\nsubsets: ${subsets}\n`);
const compiled = (subsets: string, list: Instance[]) => compileService({ name: "orders", instances: list }, service(subsets));

describe("an instance", () => {
  const one = instance({ tags: ["beta", "eu"], meta: { version: "2", zone: "a", color: "blue" } });
  it.each([
    [{ version: "2" }, true],
    [{ version: "1" }, false],
    [{ tags: ["beta"] }, true],
    [{ tags: ["beta", "us"] }, false],
    [{ meta: { color: "blue", zone: "a" } }, true],
    [{ meta: { color: "blue" }, version: "1" }, false],
    [{ meta: { constructor: "" } }, false],
  ])("with beta, eu, version 2, zone a and color blue: %j fits is %s", (subset, fits) => {
    expect(subsetsOf(one, { x: subset })).toEqual(fits ? ["x"] : []);
  });
});

describe("subsets", () => {
  it("label endpoints with nothing but their names, and only those that belong to one", () => {
    const { endpoints } = compiled('{ v1: { version: "1" }, any: { meta: { a: b } } }', [
      instance({ meta: { version: "1", a: "b", more: "x" } }),
      instance({ id: "orders-2", address: "10.0.0.2", meta: { version: "2" } }),
    ]);
    const [locality] = fromBinary(ClusterLoadAssignmentSchema, endpoints.bytes).endpoints;
    expect(locality?.lbEndpoints.map(({ metadata }) => metadata?.filterMetadata["envoy.lb"])).toEqual([
      { subset: ["any", "v1"] },
      undefined,
    ]);
  });

  it("without any leave a service's resources as they were", () => {
    const without = compileService({ name: "orders", instances: instances(2) }, noTraffic);
    const bare = compiled("{}", instances(2));
    expect([bare.cluster.version, bare.endpoints.version]).toEqual([without.cluster.version, without.endpoints.version]);
  });

  it("that no instance belongs to are problems, unless there is no instance at all", () => {
    const subsets = '{ v1: { version: "1" }, beta: { tags: [beta], meta: { color: blue } } }';
    expect(compiled(subsets, [instance({ meta: { version: "1" } })]).problems).toEqual([
      {
        code: "subset-empty",
        service: "orders",
        message:
          "no instance belongs to its subset beta (tag beta, color=blue), so that requests to it are answered 503: register one that does, or correct Service/orders",
      },
    ]);
    expect(compiled(subsets, []).problems).toEqual([]);
  });

  it.each([
    ["{ v1: {} }", "subsets.v1: says nothing of its instances. Write version"],
    ["{ v1: { version: 1 } }", "subsets.v1.version: 1 is not a text"],
    ["{ v1: { meta: {} } }", "subsets.v1: says nothing of its instances"],
    ["{ 'a b': { version: x } }", "use 1 to 64 letters, digits, dots, hyphens and underscores"],
  ])("are refused with their place and the fix: %s", (written, message) => {
    expect(() => service(written)).toThrow(message);
  });
});
