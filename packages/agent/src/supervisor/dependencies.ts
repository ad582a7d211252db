/** Whether the required dependencies are there, as this instance's own Envoy sees them. Pure. */
import type { Dependency } from "@legation/contract";
import type { ClusterHealth } from "../envoy/admin.js";

/** The required dependencies that are missing, each with what Envoy sees of it; empty when the service may start. */
export function missingDependencies(dependencies: readonly Dependency[], clusters: ReadonlyMap<string, ClusterHealth>): string[] {
  return dependencies.flatMap(({ name, optional }) => {
    if (optional) return [];
    const cluster = clusters.get(name);
    if (!cluster) return [`Envoy has no cluster ${name}: no service of that name is known`];
    if (cluster.endpoints === 0) return [`${name} has no endpoint`];
    return cluster.healthy === 0 ? [`none of ${name}'s ${cluster.endpoints} endpoints is healthy`] : [];
  });
}
