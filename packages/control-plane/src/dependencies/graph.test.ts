/** Who calls whom, from registrations and reports. */
import type { Instance } from "@legation/mesh";
import { expect, test } from "vitest";
import { serviceOf } from "../testing/catalog.js";
import { graphViewOf, readableGraph } from "./graph.js";

const service = (name: string, ...dependencies: string[]) => {
  const { instances } = serviceOf(name, `${name}-1`);
  const meta = Object.fromEntries(dependencies.map((words, index) => [`legation-dep-${index}`, words]));
  return { name, instances: instances.map((instance): Instance => ({ ...instance, meta })) };
};
const envoy = { phase: "live", reason: "" } as const;
const report = (name: string, calls: Readonly<Record<string, number>>) => ({
  report: { service: name, standing: { envoy }, calls: Object.entries(calls).map(([callee, count]) => ({ service: callee, count })) },
});
const services = [service("web", "orders", "cache?"), service("orders"), service("cache"), service("consul")];

test("calls of all instances of a service are added up, beside what its registrations declare", () => {
  const reports = [report("web", { orders: 2, stray: 1 }), report("web", { orders: 5 })];
  const { edges, layers, startupOrder } = graphViewOf({ services, reports, grpc: [] });
  expect(edges).toEqual([
    { from: "web", to: "cache", kind: "declared", declared: "optional", calls: 0 },
    { from: "web", to: "orders", kind: "both", declared: "required", calls: 7 },
    { from: "web", to: "stray", kind: "undeclared", declared: null, calls: 1 },
  ]);
  expect(layers).toEqual([["cache", "orders"], ["web"]]);
  expect(startupOrder).toEqual(["cache", "orders", "web"]);
});

test("of a caller without an Envoy nothing is said, unless it is a gRPC application that reports its calls", () => {
  const blind = { report: { service: "web", calls: [] } };
  expect(graphViewOf({ services, reports: [blind], grpc: [] }).edges.map(({ calls }) => calls)).toEqual([null, null]);
  const calls = { orders: { succeeded: 3, failed: 1, dropped: 9, underWay: 0 } };
  expect(graphViewOf({ services, reports: [], grpc: [{ service: "web", calls }] }).edges.map((edge) => edge.calls)).toEqual([0, 4]);
});

test("who may read some services sees these alone, with whom they call", () => {
  const graph = graphViewOf({ services: [...services, service("a", "b"), service("b", "a")], reports: [], grpc: [] });
  const seen = readableGraph(graph, new Set(["web", "a"]));
  expect(seen.layers.flat().sort()).toEqual(["a", "web"]);
  expect(seen.cycles).toEqual([]);
  expect(new Set(seen.edges.map(({ from }) => from))).toEqual(new Set(["a", "web"]));
});
