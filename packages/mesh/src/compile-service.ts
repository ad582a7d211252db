/** One service → the resources that all of its callers share. */
import { serviceNameProblem } from "@legation/contract";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { CatalogService } from "./catalog/instance.js";
import { placeEndpoints } from "./catalog/placement.js";
import { protocolOf } from "./catalog/protocol.js";
import { serviceCluster } from "./envoy/clusters/service-cluster.js";
import { loadAssignment } from "./envoy/endpoints/assignment.js";
import type { MeshDefaults } from "./policy/mesh-defaults/mesh-defaults.js";
import { withWishes } from "./policy/service/wishes.js";
import type { Problem } from "./problem.js";
import { type MeshResource, resource } from "./resource.js";

/** What every caller of a service gets. */
export interface CompiledService {
  readonly cluster: MeshResource;
  /** Under the cluster's name. Holds the IP endpoints only; a cluster with host names carries its endpoints itself. */
  readonly endpoints: MeshResource;
  readonly problems: readonly Problem[];
}

/**
 * Compiles a service by itself: nothing but its own instances and the defaults, with the service's own wishes above them, is in the
 * result, and the order of the instances is not.
 * A service without instances, known or not, has a cluster and an empty assignment, so that requests to it fail at once.
 */
export function compileService(service: CatalogService, defaults: MeshDefaults): CompiledService {
  const { name } = service;
  const { localities, problems: placementProblems } = placeEndpoints(service);
  const { protocol, problem: protocolProblem } = protocolOf(service.instances);
  const { settings, problems: wishProblems } = withWishes(service.instances, defaults);
  const nameProblem = serviceNameProblem(name);
  const problems: Problem[] = [...placementProblems];
  for (const message of wishProblems) problems.push({ code: "service-wish", service: name, message });
  if (protocolProblem) problems.unshift({ code: "service-protocols", service: name, message: protocolProblem });
  if (nameProblem) problems.unshift({ code: "service-name", service: name, message: `nobody can call it: ${nameProblem}` });

  const addressed = localities
    .map((locality) => ({ ...locality, endpoints: locality.endpoints.filter((endpoint) => endpoint.ip) }))
    .filter((locality) => locality.endpoints.length > 0);
  const provenance = { service: name, source: "catalog" };
  return {
    cluster: resource(ClusterSchema, name, serviceCluster(name, protocol, localities, settings), provenance),
    endpoints: resource(ClusterLoadAssignmentSchema, name, loadAssignment(name, addressed), provenance),
    problems,
  };
}
