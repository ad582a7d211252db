import { describe, expect, test } from "vitest";
import { parseChecks, parseInstances, parseNodes, parseServiceList } from "./consul-rows.js";

const row = (change: { Node?: object; Service?: object; Checks?: unknown } = {}) => ({
  Node: { Node: "n1", Address: "10.0.0.1", ...change.Node },
  Service: { ID: "a", Service: "web", Address: "", Port: 80, ...change.Service },
  Checks: change.Checks ?? null,
});

describe("rows as Consul writes them", () => {
  test("what a registration left out has Consul's defaults", () => {
    expect(parseInstances([row({ Service: { Tags: null, Meta: null } })])).toEqual([
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
    expect(parseInstances([row(), row({ Service: { ID: "b", Port: undefined } })]).map((i) => [i.id, i.port])).toEqual([
      ["a", 80],
      ["b", 0],
    ]);
  });

  test("the service's own address stands above the node's, and a mesh address needs both of its parts", () => {
    const mesh = (address: string, port: number) => ({ TaggedAddresses: { mesh: { Address: address, Port: port } } });
    expect(parseInstances([row({ Service: { Address: "10.0.0.9", ...mesh("10.0.0.9", 20_000) } })])).toMatchObject([
      { address: "10.0.0.9", mesh: { address: "10.0.0.9", port: 20_000 } },
    ]);
    for (const broken of [mesh("", 20_000), mesh("10.0.0.9", 0)])
      expect(parseInstances([row({ Service: broken })])[0]).not.toHaveProperty("mesh");
  });

  test("the reason of a maintenance comes from the notes; the notes of other checks are not output", () => {
    const check = (id: string) => ({ CheckID: id, Name: "x", Status: "critical", Notes: "legation:draining", Output: "" });
    const [instance] = parseInstances([row({ Checks: [check("_service_maintenance:a"), check("_node_maintenance"), check("mine")] })]);
    expect(instance?.checks.map((c) => c.output)).toEqual(["legation:draining", "legation:draining", ""]);
  });

  test("a check without a name or an ID harms nobody, and an unknown status is the worst", () => {
    expect(parseChecks([{ Node: "n1", CheckID: "", Status: "odd", ModifyIndex: 3 }])).toEqual([
      { id: "", name: "", status: "critical", output: "", node: "n1", serviceId: "", service: "", modifyIndex: 3 },
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
