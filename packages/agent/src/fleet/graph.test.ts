import { dependencyOf } from "@legation/contract";
import { describe, expect, it } from "vitest";
import { drawGraph } from "./drawing.js";
import { type GraphNode, graphOf, type ServiceGraph } from "./graph.js";

function node(id: string, dependencies: readonly string[] = [], service = id): GraphNode {
  return { id, service, file: `services/${id}.yaml`, dependencies: dependencies.map(dependencyOf) };
}

function graph(...nodes: GraphNode[]): ServiceGraph {
  const made = graphOf(nodes);
  if ("cycles" in made) throw new Error(`cycles: ${made.cycles.map((cycle) => cycle.map(({ id }) => id).join(" → ")).join("; ")}`);
  return made;
}

function cycles(...nodes: GraphNode[]): string[] {
  const made = graphOf(nodes);
  return "cycles" in made ? made.cycles.map((cycle) => cycle.map(({ id }) => id).join(" → ")) : [];
}

describe("the graph of local services", () => {
  it("puts each service one layer behind the last that it requires, and others side by side", () => {
    const { layers } = graph(
      node("web", ["orders", "users"]),
      node("orders", ["payments", "mail"]),
      node("users"),
      node("payments"),
      node("audit"),
    );
    expect(layers.map((layer) => layer.map(({ id }) => id))).toEqual([["audit", "payments", "users"], ["orders"], ["web"]]);
  });

  it("takes no notice of optional dependencies, even in a circle", () => {
    const { layers } = graph(node("a", ["b?"]), node("b", ["a"]));
    expect(layers.map((layer) => layer.map(({ id }) => id))).toEqual([["a"], ["b"]]);
  });

  it("counts every instance of a service as its dependency", () => {
    const made = graph(node("web", ["orders"]), node("orders-1", [], "orders"), node("orders-2", [], "orders"));
    expect(made.layers[1]?.map(({ id }) => id)).toEqual(["web"]);
    expect(made.dependents("orders-2")).toEqual(["web"]);
    expect(made.dependents("web")).toEqual([]);
  });

  it("names each cycle once, by its shortest way, and nothing that only leads to one", () => {
    expect(cycles(node("a", ["b"]), node("b", ["c"]), node("c", ["a", "b"]), node("d", ["a"]), node("e"))).toEqual(["a → b → c"]);
    expect(cycles(node("a", ["b"]), node("b", ["a"]), node("x", ["y"]), node("y", ["x"]))).toEqual(["a → b", "x → y"]);
  });

  it("is drawn layer by layer, with what is needed, used and elsewhere", () => {
    const drawn = drawGraph(graph(node("web", ["orders", "cache?"]), node("orders-1", ["mail"], "orders")));
    expect(drawn).toBe(
      [
        "2 services in 2 layers; starts from the top, stops from the bottom.",
        "",
        "┌─ layer 1",
        "│ orders as orders-1 (services/orders-1.yaml)",
        "│   needs mail (elsewhere)",
        "└─┬─",
        "  ▼",
        "┌─ layer 2",
        "│ web (services/web.yaml)",
        "│   needs orders",
        "│   uses cache (elsewhere)",
        "└───",
        "",
      ].join("\n"),
    );
  });

  it("fits its drawing into 80 columns, however long the names and however many", () => {
    const many = Array.from({ length: 40 }, (_, i) => node(`service-with-a-long-name-${i}`));
    const drawn = drawGraph(
      graph(
        ...many,
        node(
          "x".repeat(63),
          many.map(({ id }) => id),
        ),
        node("y", ["z".repeat(200)]),
      ),
    );
    expect(Math.max(...drawn.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    for (const { id } of many) expect(drawn).toContain(id);
  });
});
