/** What differs between two readings of Consul, under the name that every control plane gives it. */
import { expect, it } from "vitest";
import { parseInstances } from "../sources/consul-rows.js";
import { intentionChanges } from "./intention-changes.js";
import { registryChanges } from "./registry-changes.js";

const at = (CreateIndex: number, ModifyIndex: number) => ({ CreateIndex, ModifyIndex });

/** A row of `health/service/orders`. */
function row(
  id: string,
  o: { index?: number; status?: string; checked?: number; output?: string; node?: number; address?: string; meta?: object } = {},
) {
  const { index = 10, status = "passing", checked = 10, output = "", node = 1, address = "10.0.0.1", meta = {} } = o;
  return {
    Node: { Node: "n1", Address: address, ...at(1, node) },
    Service: { ID: id, Service: "orders", Address: "", Port: 80, Meta: meta, ...at(10, index) },
    Checks: [{ CheckID: "http", Name: "HTTP", Status: status, Output: output, ...at(10, checked) }],
  };
}

function reading(...rows: object[]) {
  return { name: "orders", instances: parseInstances(rows).instances.map((instance) => ({ ...instance, everPassed: true })) };
}

const brief = (changes: ReturnType<typeof registryChanges>) => changes.map(({ id, what }) => [id, what]);

it("names instances that come by the index of their row, and those that go by the one at which they came to be", () => {
  const [one, two] = [reading(row("o1")), reading(row("o1"), row("o2", { index: 20 }))];
  expect(brief(registryChanges("orders", undefined, one))).toEqual([["registry:orders:10", "n1/o1 registered at 10.0.0.1:80"]]);
  expect(brief(registryChanges("orders", one, two))).toEqual([["registry:orders:20", "n1/o2 registered at 10.0.0.1:80"]]);
  expect(brief(registryChanges("orders", two, undefined)).map(([id]) => id)).toEqual(["registry:orders:10-gone"]);
  expect(registryChanges("orders", two, undefined)[0]?.items.map(({ name }) => name)).toEqual(["n1/o1", "n1/o2"]);
});

it("names checks by the index of their row, whether they were seen one by one or together, and says between which indexes", () => {
  const before = reading(row("o1"));
  const bad = reading(row("o1", { status: "critical", checked: 30 }));
  const good = reading(row("o1", { status: "passing", checked: 40 }));
  expect(brief(registryChanges("orders", before, bad))).toEqual([["health:orders:30", "HTTP of n1/o1: passing → critical"]]);
  expect(registryChanges("orders", bad, good)[0]?.items).toEqual([{ name: "n1/o1 http", after: 30, index: 40 }]);
});

it("puts together what one write changed, and keeps apart what two did", () => {
  const before = reading(row("o1"), row("o2"));
  const after = reading(
    row("o1", { status: "critical", checked: 30 }),
    row("o2", { status: "critical", checked: 30, index: 31, meta: { version: "2" } }),
  );
  expect(brief(registryChanges("orders", before, after))).toEqual([
    ["health:orders:30", "HTTP of n1/o1: passing → critical, and 1 more"],
    ["registry:orders:31", "n1/o2 registered anew: other meta"],
  ]);
});

it("goes by the node's index where its address is what changed", () => {
  const moved = reading(row("o1", { node: 50, address: "10.0.0.2" }));
  expect(brief(registryChanges("orders", reading(row("o1")), moved))).toEqual([["registry:orders:50", "n1/o1 moved to 10.0.0.2:80"]]);
});

it("finds nothing in other output, or in another index alone", () => {
  const before = reading(row("o1"));
  expect(registryChanges("orders", before, reading(row("o1", { output: "took 4 ms", checked: 60, index: 61, node: 62 })))).toEqual([]);
});

const intention = (SourceName: string, Action: string, index: number) => ({
  SourceName,
  DestinationName: "orders",
  Action,
  ...at(5, index),
});

it("names intentions by the index of their row and the service that is called", () => {
  const said = (rows: object[], index: number, byDefault: "allow" | "deny" = "allow") => ({ rows, index, byDefault });
  const before = said([intention("web", "allow", 5)], 5);
  const changed = intentionChanges(before, said([intention("web", "deny", 7), intention("cart", "allow", 8)], 8));
  expect(changed.map(({ id, what }) => [id, what])).toEqual([
    ["intention:orders:7", "intention web → orders is now deny"],
    ["intention:orders:8", "intention cart → orders is new: allow"],
  ]);
  expect(intentionChanges(before, said([], 9)).map(({ id }) => id)).toEqual(["intention:orders:5-gone"]);
  expect(intentionChanges(before, said([intention("web", "allow", 9)], 9))).toEqual([]);
  expect(intentionChanges(before, said([intention("web", "allow", 5)], 9, "deny")).map(({ id }) => id)).toEqual([
    "intention:*:default-deny",
  ]);
});
