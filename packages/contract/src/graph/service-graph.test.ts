import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dependencyOf } from "../dependency.js";
import { cycleText, type DeclaredService, drawServiceGraph, serviceGraphOf } from "./service-graph.js";

function service(name: string, ...dependencies: string[]): DeclaredService {
  return { name, dependencies: dependencies.map(dependencyOf) };
}

const someName = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "nowhere");
const someServices = fc
  .uniqueArray(fc.tuple(someName, fc.array(fc.tuple(someName, fc.boolean()), { maxLength: 4 })), { selector: ([name]) => name })
  .map((rows) => rows.map(([name, words]) => service(name, ...words.map(([other, optional]) => (optional ? `${other}?` : other)))));

describe("the graph of services", () => {
  it("puts each service one layer behind the last that it requires", () => {
    const graph = serviceGraphOf([
      service("web", "orders", "cache?", "mail"),
      service("orders", "payments"),
      service("payments"),
      service("cache"),
    ]);
    expect(graph.layers).toEqual([["cache", "payments"], ["orders"], ["web"]]);
    expect(graph.startupOrder).toEqual(["cache", "payments", "orders", "web"]);
    expect(graph.shutdownOrder).toEqual(["web", "orders", "payments", "cache"]);
    expect(graph.services.get("web")).toEqual({ name: "web", required: ["mail", "orders"], optional: ["cache"], dependents: [], layer: 3 });
    expect(graph.services.get("cache")?.dependents).toEqual(["web"]);
  });

  it("names cycles, puts their services into one layer, and what requires them behind it", () => {
    const graph = serviceGraphOf([
      service("a", "b"),
      service("b", "c"),
      service("c", "a", "db"),
      service("d", "a"),
      service("db"),
      service("e", "e"),
    ]);
    expect(graph.cycles.map(cycleText)).toEqual(["a → b → c → a", "e → e"]);
    expect(graph.layers).toEqual([["db", "e"], ["a", "b", "c"], ["d"]]);
  });

  it("says of any services: each is in one layer, behind all that it requires unless they are in one cycle, and a cycle is one", () => {
    fc.assert(
      fc.property(someServices, (declared) => {
        const { services, layers, cycles, startupOrder } = serviceGraphOf(declared);
        const requires = (name: string) => [...(services.get(name)?.required ?? [])].filter((other) => services.has(other));
        const reaches = (from: string, to: string): boolean => {
          const seen = new Set(requires(from));
          for (const name of seen) for (const next of requires(name)) seen.add(next);
          return seen.has(to);
        };
        expect([...startupOrder].sort()).toEqual([...services.keys()].sort());
        for (const [name, { layer }] of services) {
          expect(layers[layer - 1]).toContain(name);
          for (const other of requires(name))
            if (reaches(other, name)) expect(services.get(other)?.layer).toBe(layer);
            else expect(services.get(other)?.layer).toBeLessThan(layer);
          // In a cycle exactly when one that is named holds it, or leads through one of those that do.
          expect(cycles.some((cycle) => cycle.includes(name))).toBe(reaches(name, name));
        }
        for (const cycle of cycles)
          for (const [i, name] of cycle.entries()) expect(requires(name)).toContain(cycle[(i + 1) % cycle.length]);
      }),
    );
  });

  it("takes a chain of ten thousand services", () => {
    const chain = Array.from({ length: 10_000 }, (_, i) => service(`s${i}`, `s${i + 1}`));
    expect(serviceGraphOf(chain).layers).toHaveLength(10_000);
  });

  it("is drawn layer by layer, with what is needed, used and missing", () => {
    const graph = serviceGraphOf([service("web", "orders", "cache?"), service("orders", "mail", "users"), service("users", "orders")]);
    expect(drawServiceGraph(graph, (name) => (name === "web" ? "failed" : undefined))).toBe(
      [
        "cycle: orders → users → orders",
        "3 services in 2 layers; starts from the top, stops from the bottom.",
        "",
        "┌─ layer 1",
        "│ orders",
        "│   needs mail (not registered), users",
        "│ users",
        "│   needs orders",
        "└─┬─",
        "  ▼",
        "┌─ layer 2",
        "│ web (failed)",
        "│   needs orders",
        "│   uses cache (not registered)",
        "└───",
        "",
      ].join("\n"),
    );
  });
});
