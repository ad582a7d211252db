import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCatalog, encodeCatalog } from "../state/catalog-document.js";
import { parseChecks, parseInstances, parseNodes, parseServiceList } from "./consul-rows.js";

const row = (change: { Node?: object; Service?: object; Checks?: unknown } = {}) => ({
  Node: { Node: "n1", Address: "10.0.0.1", ...change.Node },
  Service: { ID: "a", Service: "web", Address: "", Port: 80, ...change.Service },
  Checks: change.Checks ?? null,
});

describe("rows as Consul writes them", () => {
  test("what a registration left out has Consul's defaults", () => {
    expect(parseInstances([row({ Service: { Tags: null, Meta: null, TaggedAddresses: null, Weights: null } })]).instances).toEqual([
      {
        node: "n1",
        id: "a",
        service: "web",
        address: "10.0.0.1",
        port: 80,
        tags: [],
        meta: {},
        weights: { passing: 1, warning: 1 },
        checks: [],
      },
    ]);
  });

  test("a registration without a port is read as port 0, not refused with its whole service", () => {
    const { instances, flaws } = parseInstances([row(), row({ Service: { ID: "b", Port: undefined } })]);
    expect(instances.map((i) => [i.id, i.port])).toEqual([
      ["a", 80],
      ["b", 0],
    ]);
    expect(flaws).toEqual([]);
  });

  test.each([
    ["Port", { Port: "80" }, { port: 0 }],
    ["Port", { Port: 1.5 }, { port: 0 }],
    ["Passing", { Weights: { Passing: "x", Warning: 3 } }, { weights: { passing: 1, warning: 3 } }],
    ["Passing", { Weights: { Passing: 5e9, Warning: 3 } }, { weights: { passing: 1, warning: 3 } }],
    ["Warning", { Weights: { Passing: 2, Warning: -1 } }, { weights: { passing: 2, warning: 1 } }],
    ["Meta", { Meta: { a: "b", c: 1 } }, { meta: { a: "b" } }],
    ["Tags", { Tags: ["a", 1] }, { tags: ["a"] }],
  ])("%s as %j is one instance's flaw, and counts as left out", (field, Service, read) => {
    const { instances, flaws } = parseInstances([row(), row({ Service: { ID: "b", ...Service } })]);
    expect(instances).toMatchObject([
      { id: "a", port: 80 },
      { id: "b", ...read },
    ]);
    expect(flaws).toEqual([expect.stringContaining(`n1/b: ${field} `)]);
  });

  test("a row that does not say whose it is takes no other along", () => {
    expect(parseInstances([row(), row({ Service: { ID: null } })])).toMatchObject({ instances: [{ id: "a" }], nameless: 1 });
    expect(parseChecks([1, { Node: "n1", CheckID: "c", Status: "critical", ModifyIndex: 3 }])).toMatchObject([{ id: "c" }]);
    expect(parseNodes([{}, { Node: "n1" }])).toMatchObject([{ node: "n1" }]);
    expect(parseServiceList({ web: null, orders: ["a"] }).size).toBe(2);
  });

  test("whatever stands in the rows, they are read or refused as a whole, and can be written to disk and read back", () => {
    const value = fc.anything({ maxDepth: 3 });
    const odd = fc.record({
      Node: fc.record({ Node: fc.constant("n1") }),
      Service: fc.record({
        ID: fc.string({ minLength: 1 }),
        Service: fc.constant("web"),
        Address: value,
        Port: value,
        Tags: value,
        Meta: value,
        Weights: value,
        TaggedAddresses: value,
      }),
      Checks: value,
    });
    fc.assert(
      fc.property(fc.array(odd, { minLength: 1 }), (rows) => {
        const { instances } = parseInstances(rows);
        const services = [{ name: "web", instances: instances.map((instance) => ({ ...instance, everPassed: true })) }];
        const saved = { answeredAt: 0, datacenter: undefined, servers: [], services };
        expect(decodeCatalog(encodeCatalog(saved)).services[0]?.instances).toHaveLength(rows.length);
      }),
    );
  });

  test("the service's own address stands above the node's, and a mesh address needs both of its parts", () => {
    const mesh = (address: string, port: number) => ({ TaggedAddresses: { mesh: { Address: address, Port: port } } });
    expect(parseInstances([row({ Service: { Address: "10.0.0.9", ...mesh("10.0.0.9", 20_000) } })]).instances).toMatchObject([
      { address: "10.0.0.9", mesh: { address: "10.0.0.9", port: 20_000 } },
    ]);
    for (const broken of [mesh("", 20_000), mesh("10.0.0.9", 0)])
      expect(parseInstances([row({ Service: broken })]).instances[0]).not.toHaveProperty("mesh");
  });

  test("the reason of a maintenance comes from the notes; the notes of other checks are not output", () => {
    const check = (id: string) => ({ CheckID: id, Name: "x", Status: "critical", Notes: "legation:draining", Output: "" });
    const checks = [check("_service_maintenance:a"), check("_node_maintenance"), check("mine")];
    const [instance] = parseInstances([row({ Checks: checks })]).instances;
    expect(instance?.checks.map((c) => c.output)).toEqual(["legation:draining", "legation:draining", ""]);
  });

  test("a check without a name or an ID harms nobody, and an unknown status is the worst", () => {
    expect(parseChecks([{ Node: "n1", CheckID: "", Status: "odd", ModifyIndex: 3 }])).toEqual([
      { id: "", name: "", status: "critical", output: "", node: "n1", serviceId: "", service: "", modifyIndex: 3, createIndex: 0 },
    ]);
  });

  test("the order of tags is nothing", () => {
    expect(parseServiceList({ web: ["b", "a"] })).toEqual(parseServiceList({ web: ["a", "b"] }));
  });

  test.each([[undefined], [null], ["<html>"], [{}], [[1]], [[{ Node: null }]], [[{ Node: { Node: "n" }, Service: { ID: 1 } }]]])(
    "%j is no list of instances",
    (data) => {
      expect(() => parseInstances(data)).toThrow(/no usable/);
    },
  );

  test.each([[[]], [null], ["x"]])("%j is no list of services", (data) => {
    expect(() => parseServiceList(data)).toThrow(/no usable/);
    if (!Array.isArray(data)) expect(() => parseNodes(data)).toThrow(/no usable/);
  });
});
