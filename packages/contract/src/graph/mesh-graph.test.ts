/** Declared and observed dependencies, drawn and written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dependencyOf } from "../dependency.js";
import { dotOf } from "./dot.js";
import { drawMesh } from "./mesh-drawing.js";
import { type MeshGraph, meshGraphOf } from "./mesh-graph.js";
import type { DeclaredService } from "./service-graph.js";

function service(name: string, ...dependencies: string[]): DeclaredService {
  return { name, dependencies: dependencies.map(dependencyOf) };
}

const calls = (caller: string, counts: Readonly<Record<string, number>>) => ({ caller, calls: new Map(Object.entries(counts)) });

const shop = meshGraphOf(
  [service("web", "orders", "cache?", "mail"), service("orders", "db", "stock?"), service("db"), service("cache"), service("stock", "db")],
  [calls("web", { orders: 4_812, db: 3 }), calls("orders", { db: 9, stock: 0 })],
);

describe("declared and observed dependencies", () => {
  it("are told apart, and nothing is said of callers that nobody watches", () => {
    expect(shop.edges).toEqual([
      { from: "orders", to: "db", kind: "both", declared: "required", calls: 9 },
      { from: "orders", to: "stock", kind: "declared", declared: "optional", calls: 0 },
      { from: "stock", to: "db", kind: "declared", declared: "required", calls: null },
      { from: "web", to: "cache", kind: "declared", declared: "optional", calls: 0 },
      { from: "web", to: "db", kind: "undeclared", declared: null, calls: 3 },
      { from: "web", to: "mail", kind: "declared", declared: "required", calls: 0 },
      { from: "web", to: "orders", kind: "both", declared: "required", calls: 4_812 },
    ]);
  });

  it("are drawn beside their callers, layer by layer", () => {
    expect(drawMesh(shop)).toBe(`5 services in 3 layers; 6 declared dependencies, 3 not called; 1 undeclared.
Starts from the top, stops from the bottom.

┌ 1  cache  db
│
├ 2  orders  needs db; uses stock (not called)
│    stock   needs db
│
└ 3  web     needs mail (not registered, not called), orders; uses cache (not
             called); calls undeclared db
`);
  });

  it("are drawn with the cycles above, and one layer alone without a rail", () => {
    const graph = meshGraphOf([service("a", "b"), service("b", "a")], []);
    expect(drawMesh(graph)).toBe(`2 services in 1 layer; 2 declared dependencies.
Starts from the top, stops from the bottom.
cycle: a → b → a

╶ 1  a  needs b
     b  needs a
`);
    expect(drawMesh(meshGraphOf([], []))).toBe("No service is registered.\n");
  });

  it("are written for Graphviz", () => {
    expect(dotOf(shop)).toBe(`digraph mesh {
  rankdir=TB;
  node [shape=box];
  { rank=same; "cache"; "db"; }
  { rank=same; "orders"; "stock"; }
  { rank=same; "web"; }
  "orders" -> "db" [label="9"];
  "orders" -> "stock" [style=dashed, color=gray];
  "stock" -> "db";
  "web" -> "cache" [style=dashed, color=gray];
  "web" -> "db" [color=red, fontcolor=red, label="3"];
  "web" -> "mail" [color=gray];
  "web" -> "orders" [label="4812"];
}
`);
  });
});

const name = fc.stringMatching(/^[a-z]{1,3}[0-9]{1,30}$/);
const mesh: fc.Arbitrary<MeshGraph> = fc.uniqueArray(name, { minLength: 1, maxLength: 60 }).chain((names) => {
  const one = fc.constantFrom(...names, "nowhere");
  const row = fc.record({
    dependencies: fc.uniqueArray(fc.tuple(one, fc.boolean()), { maxLength: 6, selector: ([to]) => to }),
    sent: fc.option(fc.dictionary(one, fc.integer({ min: 0, max: 9_999 }), { maxKeys: 5 })),
  });
  return fc.array(row, { minLength: names.length, maxLength: names.length }).map((rows) =>
    meshGraphOf(
      rows.map(({ dependencies }, index) =>
        service(names[index] ?? "", ...dependencies.map(([to, optional]) => (optional ? `${to}?` : to))),
      ),
      rows.flatMap(({ sent }, index) => (sent ? [calls(names[index] ?? "", sent)] : [])),
    ),
  );
});

/** What a drawing says: the services in their order, and of each whom it calls and how; `«»` stand around services. */
function read(graph: MeshGraph, width: number): { readonly service: string; readonly edges: readonly string[] }[] {
  const marked = drawMesh(graph, width, (text, role) => (role === "service" ? `«${text}»` : role === "rail" ? "" : text));
  const body = marked.slice(marked.indexOf("\n\n")).replaceAll(/\s+/g, " ");
  return [...body.matchAll(/«([^»]+)»([^«]*)/g)].map(([, service = "", said = ""]) => ({
    service,
    edges: said
      .replaceAll(/ \([^)]*\)/g, "")
      .split(";")
      .flatMap((group) => {
        const [, verb, names = ""] = /^ *(needs|uses|calls)(?: undeclared)? (.*)$/.exec(group) ?? [];
        return verb === undefined ? [] : names.split(",").map((to) => `${verb} ${to.trim()}`);
      }),
  }));
}

it("a drawing of any mesh fits its width and tells each service once, and each dependency once beside its caller", () => {
  fc.assert(
    fc.property(mesh, fc.integer({ min: 60, max: 140 }), (graph, width) => {
      const text = drawMesh(graph, width);
      for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(width);
      const verbs = { required: "needs", optional: "uses", none: "calls" } as const;
      const wanted = graph.edges.map(({ from, to, declared }) => `${from} ${verbs[declared ?? "none"]} ${to}`).sort();
      const told = read(graph, width);
      expect(told.map((one) => one.service).sort()).toEqual([...graph.services.keys()].sort());
      expect(told.flatMap((one) => one.edges.map((edge) => `${one.service} ${edge}`)).sort()).toEqual(wanted);
      expect((dotOf(graph).match(/ -> /g) ?? []).length).toBe(graph.edges.length);
    }),
  );
});
