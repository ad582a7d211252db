/** Who calls whom: what registrations declare, and what the callers' Envoys and gRPC applications have sent. */
import { type AgentReport, decodeMeta } from "@legation/contract";
import type { GraphView, GrpcCalls } from "@legation/contract/api";
import { type DeclaredService, meshGraphOf, type ObservedService } from "@legation/contract/graph";
import type { CatalogService } from "@legation/mesh";

/** Consul's servers register themselves under this name; nobody calls them through the mesh. */
const consulService = "consul";

/** A report of an agent, as far as it tells of calls. */
export interface CallReport {
  readonly report: Pick<AgentReport, "service" | "calls" | "standing">;
}

/** A gRPC application without an Envoy, with its calls by service. */
export interface GrpcCaller {
  readonly service: string;
  readonly calls: Readonly<Record<string, GrpcCalls>>;
}

/** What it is made of. */
export interface GraphParts {
  readonly services: Iterable<Pick<CatalogService, "name" | "instances">>;
  readonly reports: Iterable<CallReport>;
  readonly grpc: Iterable<GrpcCaller>;
}

/** The graph of all services. */
export function graphViewOf({ services, reports, grpc }: GraphParts): Omit<GraphView, "silent"> {
  const declared = [...services].flatMap(({ name, instances }): DeclaredService[] => {
    const dependencies = instances.flatMap(({ meta }) => decodeMeta(meta).dependencies);
    return name === consulService && dependencies.length === 0 ? [] : [{ name, dependencies }];
  });
  const { layers, cycles, startupOrder, shutdownOrder, edges } = meshGraphOf(declared, observedOf(reports, grpc));
  return { layers, cycles, startupOrder, shutdownOrder, edges };
}

/** What is left of it for one who may read these services alone. */
export function readableGraph(graph: Omit<GraphView, "silent">, may: ReadonlySet<string>): Omit<GraphView, "silent"> {
  const only = (names: readonly string[]) => names.filter((name) => may.has(name));
  return {
    layers: graph.layers.map(only).filter((names) => names.length > 0),
    cycles: graph.cycles.filter((cycle) => cycle.every((name) => may.has(name))),
    startupOrder: only(graph.startupOrder),
    shutdownOrder: only(graph.shutdownOrder),
    edges: graph.edges.filter(({ from }) => may.has(from)),
  };
}

function observedOf(reports: Iterable<CallReport>, grpc: Iterable<GrpcCaller>): readonly ObservedService[] {
  const found = new Map<string, Map<string, number>>();
  const callsOf = (caller: string): Map<string, number> => {
    const known = found.get(caller) ?? new Map<string, number>();
    found.set(caller, known);
    return known;
  };
  for (const { report } of reports) {
    // Without an Envoy nobody counts what an instance sends.
    if (!report.standing?.envoy) continue;
    const calls = callsOf(report.service);
    for (const { service, count } of report.calls ?? []) calls.set(service, (calls.get(service) ?? 0) + count);
  }
  for (const { service: caller, calls: told } of grpc) {
    const calls = callsOf(caller);
    for (const [service, { succeeded, failed }] of Object.entries(told)) calls.set(service, (calls.get(service) ?? 0) + succeeded + failed);
  }
  return [...found].map(([caller, calls]) => ({ caller, calls }));
}
