import { fromBinary } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { describe, expect, it } from "vitest";
import { compileService, endpointsFrom } from "../../../compile-service.js";
import { check, instance } from "../../../proof/instances.js";
import { writtenPolicies } from "../../../proof/written-policies.js";

const written = (locality: string) => writtenPolicies(`apiVersion: legation/v1\nkind: Service\nname: orders\nlocality: ${locality}\n`);
const at = (places: string[]) =>
  places.map((place, i) => {
    const [region = "", zone = ""] = place.split("/");
    return instance({ id: `orders-${i}`, address: `10.0.0.${i + 1}`, meta: { region, zone } });
  });
const compiled = (places: string[], locality = "{}") => compileService({ name: "orders", instances: at(places) }, written(locality));

/** What a caller in a region has, as `priority:region/zone`. */
function seenFrom(region: string, places: string[], locality?: string): string[] {
  const service = compiled(places, locality);
  const { bytes } = endpointsFrom(service, region) ?? service.endpoints;
  return fromBinary(ClusterLoadAssignmentSchema, bytes).endpoints.map(
    (one) => `${one.priority}:${one.locality?.region}/${one.locality?.zone}`,
  );
}

const three = ["north/a", "north/b", "south/a", "west/a"];

describe("a caller's region", () => {
  it.each([
    ["north", undefined, ["0:north/a", "0:north/b", "1:south/a", "1:west/a"]],
    ["west", undefined, ["0:west/a", "1:north/a", "1:north/b", "1:south/a"]],
    ["east", undefined, ["0:north/a", "0:north/b", "0:south/a", "0:west/a"]],
    ["", undefined, ["0:north/a", "0:north/b", "0:south/a", "0:west/a"]],
    ["north", "{ prefer: none }", ["0:north/a", "0:north/b", "0:south/a", "0:west/a"]],
    ["north", "{ failover: [west, north, east, south] }", ["0:north/a", "0:north/b", "1:west/a", "2:south/a"]],
    ["north", "{ failover: [south] }", ["0:north/a", "0:north/b", "1:south/a"]],
    ["north", "{ failover: [] }", ["0:north/a", "0:north/b"]],
    ["east", "{ failover: [south, west] }", ["0:south/a", "1:west/a"]],
    ["east", "{ failover: [] }", []],
  ])("%s comes before those of failover, under %s", (region, locality, seen) => {
    expect(seenFrom(region, three, locality)).toEqual(seen);
  });

  it("changes nothing for a service in one region, unless a list keeps others out", () => {
    expect(compiled(["north/a", "north/b"]).regional).toBeUndefined();
    expect(compiled(["/a", "/b"]).regional).toBeUndefined();
    expect(seenFrom("south", ["north/a"], "{ failover: [west] }")).toEqual([]);
    expect(seenFrom("north", ["north/a"], "{ failover: [west] }")).toEqual(["0:north/a"]);
  });

  it("leaves what all others have as it was", () => {
    expect(compiled(three).endpoints.version).toBe(compiled(three, "{ prefer: none }").endpoints.version);
  });
});

describe("the zones of a service's own instances", () => {
  const zones = (service: ReturnType<typeof compiled>) =>
    service.zones.map(({ name, bytes }) => {
      const { endpoints } = fromBinary(ClusterLoadAssignmentSchema, bytes);
      return [name, endpoints.map(({ locality, lbEndpoints }) => `${locality?.zone}×${lbEndpoints.length}`)];
    });

  it("are told region by region, and only where there are several", () => {
    expect(zones(compiled([...three, "north/b"]))).toEqual([
      ["zones:orders:north", ["a×1", "b×2"]],
      ["zones:orders:south", []],
      ["zones:orders:west", []],
    ]);
  });

  it("count what serves", () => {
    const [first, ...rest] = at(["/a", "/b", "/b"]);
    const ill = { ...(first ?? instance()), checks: [check("critical")] };
    expect(zones(compileService({ name: "orders", instances: [ill, ...rest] }, written("{}")))).toEqual([["zones:orders:", []]]);
  });
});

it("the overprovisioning factor is said where it is not Envoy's own", () => {
  const policyOf = (locality: string) => fromBinary(ClusterLoadAssignmentSchema, compiled(three, locality).endpoints.bytes).policy;
  expect(policyOf("{ overprovisioning: 140% }")).toBeUndefined();
  expect(policyOf("{ overprovisioning: 200% }")?.overprovisioningFactor).toBe(200);
});

it.each([
  ["{ prefer: near }", '"near" is none of zone, region, none'],
  ["{ prefer: none, failover: all }", "locality.failover: says nothing where no region is preferred"],
  ["{ failover: [a, a] }", "locality.failover: names a region twice"],
  ["{ failover: some }", "use all, or a list of regions such as [north, west]; [] for none"],
  ["{ overprovisioning: 90% }", "use a share from 100% to 900%"],
])("locality: %s is refused with the fix", (locality, message) => {
  expect(() => written(locality)).toThrow(message);
});
