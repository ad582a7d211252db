import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMeta, encodeMeta, isProtocol, maintenanceCheckId, metaLimits, type RegistrationMeta } from "./registration.js";

const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
const dependency = fc.record({ name, optional: fc.boolean() });
const userKey = name.filter((key) => !["version", "protocol", "region", "zone"].includes(key) && !key.startsWith("legation-"));
const text = fc.string({ minLength: 1, maxLength: 40 });
const meta: fc.Arbitrary<RegistrationMeta> = fc.record(
  {
    version: text,
    region: text,
    zone: text,
    protocol: fc.constantFrom("http" as const, "http2" as const, "grpc" as const, "tcp" as const),
    tls: fc.constantFrom("accepted" as const, "required" as const),
    dependencies: fc.array(dependency, { maxLength: 200 }),
    wishes: fc.dictionary(name, text, { noNullPrototype: true }),
    user: fc.dictionary(userKey, text, { noNullPrototype: true }),
  },
  { requiredKeys: ["protocol", "dependencies", "wishes", "user"] },
);
const bytes = (value: string) => new TextEncoder().encode(value).length;

describe("a registration's Meta", () => {
  it("reads back as it was written", () => {
    fc.assert(
      fc.property(meta, (value) => {
        expect(decodeMeta(encodeMeta(value))).toEqual(value);
      }),
    );
  });

  it("keeps every dependency list value within Consul's bytes, and wastes none", () => {
    fc.assert(
      fc.property(fc.array(dependency, { minLength: 1, maxLength: 300 }), (dependencies) => {
        const encoded = encodeMeta({ protocol: "http", dependencies, wishes: {}, user: {} });
        const values = Object.keys(encoded)
          .filter((key) => key.startsWith("legation-dep-"))
          .map((key) => encoded[key] ?? "");
        for (const value of values) expect(bytes(value)).toBeLessThanOrEqual(metaLimits.valueBytes);
        values.slice(1).forEach((value, i) => {
          const first = value.split(",")[0] ?? "";
          expect(bytes(`${values[i]},${first}`)).toBeGreaterThan(metaLimits.valueBytes);
        });
      }),
    );
  });

  it("counts bytes and not characters when it packs", () => {
    const dependencies = Array.from({ length: 40 }, (_, i) => ({ name: `${"ü".repeat(20)}${i}`, optional: false }));
    const encoded = encodeMeta({ protocol: "http", dependencies, wishes: {}, user: {} });
    for (const value of Object.values(encoded)) expect(bytes(value)).toBeLessThanOrEqual(metaLimits.valueBytes);
    expect(decodeMeta(encoded).dependencies).toEqual(dependencies);
  });

  it("keeps the order of more than ten packed values", () => {
    const dependencies = Array.from({ length: 120 }, (_, i) => ({
      name: `service-with-a-rather-long-name-${"x".repeat(20)}-${i}`,
      optional: i % 2 === 0,
    }));
    const encoded = encodeMeta({ protocol: "tcp", dependencies, wishes: {}, user: {} });
    expect(Object.keys(encoded)).toContain("legation-dep-11");
    const shuffled = Object.fromEntries(Object.entries(encoded).reverse());
    expect(decodeMeta(shuffled).dependencies).toEqual(dependencies);
  });

  it("writes no empty value for a dependency that is too long by itself", () => {
    const encoded = encodeMeta({ protocol: "http", dependencies: [{ name: "x".repeat(600), optional: false }], wishes: {}, user: {} });
    expect(encoded["legation-dep-0"]).toHaveLength(600);
  });

  it("does not let a user's key pose as the protocol", () => {
    expect(encodeMeta({ protocol: "grpc", dependencies: [], wishes: {}, user: { protocol: "tcp" } })["protocol"]).toBe("grpc");
  });
});

describe("a Meta that somebody else wrote", () => {
  it("reads as http without dependencies when it says nothing", () => {
    expect(decodeMeta({})).toEqual({ protocol: "http", dependencies: [], wishes: {}, user: {} });
  });

  it("reads an unknown protocol as http and an empty version as none", () => {
    expect(decodeMeta({ protocol: "quic", version: "", zone: "a" })).toEqual({
      protocol: "http",
      zone: "a",
      dependencies: [],
      wishes: {},
      user: {},
    });
  });

  it("reads an unknown word about TLS as plain text", () => {
    expect(decodeMeta({ "legation-tls": "maybe" })).toEqual({ protocol: "http", dependencies: [], wishes: {}, user: {} });
  });

  it("reads broken dependency lists as far as they go", () => {
    expect(decodeMeta({ "legation-dep-0": ",, a ,?,b? ,", "legation-dep-x": "c" }).dependencies).toEqual([
      { name: "a", optional: false },
      { name: "b", optional: true },
    ]);
  });

  it("never throws, whatever stands in it", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (raw) => {
        expect(isProtocol(decodeMeta(raw).protocol)).toBe(true);
      }),
    );
  });
});

describe("words of the registry", () => {
  it("keeps the ports of dependencies to itself: they concern nobody else", () => {
    const dependencies = [{ name: "db", optional: true, port: 15_432 }];
    expect(encodeMeta({ protocol: "http", dependencies, wishes: {}, user: {} })["legation-dep-0"]).toBe("db?");
  });

  it("names a service's maintenance check as Consul does", () => {
    expect(maintenanceCheckId("orders-1")).toBe("_service_maintenance:orders-1");
  });
});
