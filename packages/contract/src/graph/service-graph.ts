/** Who needs whom among the services of a mesh, as they declare it: layers, order of start and stop, cycles, and the drawing. Pure. */
import type { Dependency } from "../dependency.js";
import { type DrawnNode, drawLayers } from "./drawing.js";
import { layersOf } from "./layers.js";

/** A service and what it declares. */
export interface DeclaredService {
  readonly name: string;
  /** One of the same name may come twice; it is optional only if it is so each time. */
  readonly dependencies: readonly Dependency[];
}

/** A service in the graph. Names are in their order. */
export interface GraphService {
  readonly name: string;
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** The services that declare this one, required or optional. */
  readonly dependents: readonly string[];
  /** From 1; the first requires nobody that is there. */
  readonly layer: number;
}

/** The graph of all services. */
export interface ServiceGraph {
  /** By name, in the order of names. */
  readonly services: ReadonlyMap<string, GraphService>;
  /** Names by layer. Only required dependencies count, and of these only services that are there. */
  readonly layers: readonly (readonly string[])[];
  /** Each cycle of required dependencies once: the first requires the second, the last requires the first. */
  readonly cycles: readonly (readonly string[])[];
  /** Each service after those that it requires (but for cycles), and the reverse. */
  readonly startupOrder: readonly string[];
  readonly shutdownOrder: readonly string[];
}

/** Puts the services into a graph. A dependency that no service has the name of stays in the lists, and counts for no layer. */
export function serviceGraphOf(declared: readonly DeclaredService[]): ServiceGraph {
  const sorted = [...declared].sort((a, b) => (a.name < b.name ? -1 : 1));
  const required = new Map(sorted.map(({ name, dependencies }) => [name, namesOf(dependencies, false)] as const));
  const dependents = new Map<string, string[]>(sorted.map(({ name }) => [name, []]));
  for (const { name, dependencies } of sorted)
    for (const callee of new Set(dependencies.map((dependency) => dependency.name))) dependents.get(callee)?.push(name);

  const { layers, cycles } = layersOf([...required.keys()], (name) => required.get(name) ?? []);
  const layer = new Map(layers.flatMap((names, index) => names.map((name) => [name, index + 1] as const)));
  const services = sorted.map(({ name, dependencies }): [string, GraphService] => {
    const needs = required.get(name) ?? [];
    const optional = namesOf(dependencies, true).filter((other) => !needs.includes(other));
    return [name, { name, required: needs, optional, dependents: dependents.get(name) ?? [], layer: layer.get(name) ?? 1 }];
  });
  const startupOrder = layers.flat();
  return { services: new Map(services), layers, cycles, startupOrder, shutdownOrder: [...startupOrder].reverse() };
}

/** `a → b → a`. */
export function cycleText(cycle: readonly string[]): string {
  return [...cycle, ...cycle.slice(0, 1)].join(" → ");
}

/**
 * Draws the graph layer by layer, no line longer than `width` columns, with the cycles named above it. `beside` is what stands behind a service's
 * name, such as how it is.
 */
export function drawServiceGraph(
  graph: ServiceGraph,
  beside: (service: string) => string | undefined = () => undefined,
  width = 80,
): string {
  const there = (name: string): string => (graph.services.has(name) ? name : `${name} (not registered)`);
  const layers = graph.layers.map((names) =>
    names.flatMap((name): DrawnNode[] => {
      const service = graph.services.get(name);
      const note = beside(name);
      const title = note === undefined ? name : `${name} (${note})`;
      return service
        ? [
            {
              title,
              relations: [
                ["needs", service.required.map(there)],
                ["uses", service.optional.map(there)],
              ],
            },
          ]
        : [];
    }),
  );
  const warning = graph.cycles.map((cycle) => `cycle: ${cycleText(cycle)}\n`).join("");
  return `${warning}${drawLayers(layers, "service", width)}`;
}

function namesOf(dependencies: readonly Dependency[], optional: boolean): string[] {
  return [...new Set(dependencies.filter((dependency) => dependency.optional === optional).map(({ name }) => name))].sort();
}
