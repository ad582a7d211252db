/** Who needs whom, in the words of the orchestration API (REQUIREMENTS R7), and the graph that it is made from. Pure. */
import type { OrchestratedDependencies } from "@legation/contract/api";
import { drawServiceGraph, type ServiceGraph, serviceGraphOf } from "@legation/contract/graph";
import { metaOf } from "@legation/mesh";
import type { MeshStatus } from "./mesh-status.js";
import type { ServiceStatus } from "./service-status.js";
import type { Shown } from "./services-view.js";

/** The graph of all services, as their registrations declare it. */
export function graphOf({ services }: Pick<MeshStatus, "services">): ServiceGraph {
  return serviceGraphOf(
    [...services.values()].map(({ name, instances }) => ({
      name,
      dependencies: instances.flatMap(({ instance }) => (instance ? metaOf(instance).dependencies : [])),
    })),
  );
}

/** What a registration says under `type`, else the service's name. */
export function typeOf({ name, instances }: ServiceStatus): string {
  return instances.flatMap(({ instance }) => instance?.meta["type"] ?? [])[0] ?? name;
}

/** The answer of `GET /api/orchestration/dependencies`. */
export function dependenciesView({ mesh, services, silent }: Shown): OrchestratedDependencies {
  const graph = graphOf(mesh);
  const shown = new Map(services.map((service) => [service.name, service]));
  const only = (names: readonly string[]): string[] => names.filter((name) => shown.has(name));
  const visible: ServiceGraph = {
    ...graph,
    layers: graph.layers.map(only),
    cycles: graph.cycles.filter((cycle) => only(cycle).length === cycle.length),
  };
  const dependencies = services.flatMap((service): [string, OrchestratedDependencies["dependencies"][string]][] => {
    const node = graph.services.get(service.name);
    if (!node) return [];
    const missing = [...node.required, ...node.optional].filter((name) => !graph.services.has(name));
    return [
      [
        service.name,
        {
          type: typeOf(service),
          dependencies: node.required,
          optional_dependencies: node.optional,
          dependents: only(node.dependents),
          layer: node.layer,
          missing,
        },
      ],
    ];
  });
  return {
    success: true,
    startup_order: only(graph.startupOrder),
    shutdown_order: only(graph.shutdownOrder),
    dependencies: Object.fromEntries(dependencies),
    visualization: drawServiceGraph(visible, (name) => noteOf(shown.get(name))),
    cycles: visible.cycles,
    silent,
  };
}

/** What the drawing says beside a name: nothing of a service that runs, or that nobody reports of. */
function noteOf(service: ServiceStatus | undefined): string | undefined {
  return !service || service.state === "running" || service.state === "unknown" ? undefined : service.state;
}
