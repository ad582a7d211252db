/** Instances for tests: plain ones, and arbitrary ones for properties. */
import fc from "fast-check";
import type { CatalogService, Check, Instance } from "../catalog/instance.js";

/** An instance of `orders` that has passed and has no checks, with what a test wants otherwise. */
export function instance(overrides: Partial<Instance> = {}): Instance {
  return {
    node: "host-a",
    id: "orders-1",
    service: "orders",
    address: "10.0.0.1",
    port: 80,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    checks: [],
    everPassed: true,
    ...overrides,
  };
}

/** `count` instances of `orders`, each on a node and at an address of its own. */
export function instances(count: number, overrides: Partial<Instance> = {}): Instance[] {
  return Array.from({ length: count }, (_, i) =>
    instance({ node: `host-${i}`, id: `orders-${i}`, address: `10.0.0.${i + 1}`, ...overrides }),
  );
}

/** A check with a status. */
export function check(status: Check["status"], id = "ttl"): Check {
  return { id, name: id, status, output: "" };
}

const anyCheck = fc.record({
  id: fc.constantFrom("ttl", "http", "serfHealth", "_node_maintenance", "_service_maintenance:orders-1"),
  name: fc.constant(""),
  status: fc.constantFrom("passing" as const, "warning" as const, "critical" as const),
  output: fc.constantFrom("", "legation:draining"),
});

const anyInstance: fc.Arbitrary<Instance> = fc.record(
  {
    node: fc.constantFrom("host-a", "host-b", "host-c"),
    id: fc.constantFrom("orders-1", "orders-2", "orders-3", "orders-4"),
    service: fc.constant("orders"),
    address: fc.oneof({ weight: 6, arbitrary: fc.ipV4() }, fc.ipV6(), fc.constantFrom("10.0.0.1", "db.internal", "", "not a host")),
    port: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 65_535 }) }, fc.constantFrom(0, -1, 65_536, 80)),
    mesh: fc.record({ address: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) }),
    tags: fc.array(fc.string(), { maxLength: 2 }),
    meta: fc.dictionary(fc.constantFrom("version", "protocol", "zone", "region", "team"), fc.constantFrom("", "a", "b", "grpc", "tcp")),
    weights: fc.record({ passing: fc.integer({ min: 1, max: 65_535 }), warning: fc.integer({ min: 0, max: 65_535 }) }),
    checks: fc.array(anyCheck, { maxLength: 3 }),
    everPassed: fc.boolean(),
    leaving: fc.boolean(),
    kept: fc.boolean(),
  },
  { requiredKeys: ["node", "id", "service", "address", "port", "tags", "meta", "weights", "checks", "everPassed"] },
);

/** A service as Consul may have it: node and ID identify an instance, and anything else may be odd or doubled. */
export const anyService: fc.Arbitrary<CatalogService> = fc
  .uniqueArray(anyInstance, { selector: ({ node, id }) => `${node}/${id}`, maxLength: 12 })
  .map((list) => ({ name: "orders", instances: list }));
