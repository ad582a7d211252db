import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  authorizationModes,
  type IdentityPolicies,
  type IdentityPolicy,
  identityChanges,
  identityOf,
  noIdentityPolicies,
} from "./identity.js";

const anyPolicy: fc.Arbitrary<IdentityPolicy> = fc.record(
  {
    mode: fc.constantFrom("off" as const, "permissive" as const, "strict" as const),
    authorization: fc.constantFrom(...authorizationModes),
  },
  { requiredKeys: [] },
);
const names = ["orders", "web", "Orders"];
const anyPolicies: fc.Arbitrary<IdentityPolicies> = fc.record({
  mesh: anyPolicy,
  services: fc.dictionary(fc.constantFrom(...names), anyPolicy).map((services) => new Map(Object.entries(services))),
});

describe("the identity policy of a service", () => {
  it("is off without any", () => {
    expect(identityOf(noIdentityPolicies, "orders")).toEqual({ mode: "off", authorization: "off" });
  });

  it.each([
    [{ mode: "permissive" }, undefined, { mode: "permissive", authorization: "shadow" }],
    [{ mode: "permissive" }, { mode: "strict" }, { mode: "strict", authorization: "enforce" }],
    [{ mode: "strict" }, { authorization: "off" }, { mode: "strict", authorization: "off" }],
    [{ mode: "strict", authorization: "shadow" }, { mode: "off" }, { mode: "off", authorization: "shadow" }],
    [{}, { mode: "permissive", authorization: "enforce" }, { mode: "permissive", authorization: "enforce" }],
  ] satisfies [IdentityPolicy, IdentityPolicy | undefined, object][])(
    "with %j for the mesh and %j for itself is %j",
    (mesh, own, expected) => {
      expect(identityOf({ mesh, services: new Map(own ? [["orders", own]] : []) }, "orders")).toEqual(expected);
    },
  );

  it("does not depend on what is said of others", () => {
    fc.assert(
      fc.property(anyPolicies, anyPolicy, (policies, other) => {
        const services = new Map(policies.services).set("someone-else", other);
        for (const name of names) expect(identityOf({ ...policies, services }, name)).toEqual(identityOf(policies, name));
      }),
    );
  });

  it("changes exactly where it is named as changed", () => {
    fc.assert(
      fc.property(anyPolicies, anyPolicies, (before, after) => {
        const changed = identityChanges(before, after, names);
        for (const name of names)
          expect(changed.has(name)).toBe(JSON.stringify(identityOf(before, name)) !== JSON.stringify(identityOf(after, name)));
      }),
    );
  });
});
