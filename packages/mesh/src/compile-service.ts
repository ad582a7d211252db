/** One service → the resources that all of its callers share. */
import { type IdentityMode, serviceNameProblem } from "@legation/contract";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { CatalogService } from "./catalog/instance.js";
import { placeEndpoints } from "./catalog/placement.js";
import { protocolOf } from "./catalog/protocol.js";
import { type MutualTls, serviceCluster } from "./envoy/clusters/service-cluster.js";
import { loadAssignment } from "./envoy/endpoints/assignment.js";
import { identityProblems } from "./policy/identity/problems.js";
import type { Trust } from "./policy/identity/trust.js";
import type { MeshDefaults } from "./policy/mesh-defaults/mesh-defaults.js";
import { withWishes } from "./policy/service/wishes.js";
import type { Problem } from "./problem.js";
import { type MeshResource, resource } from "./resource.js";

/** What every caller of a service gets. */
export interface CompiledService {
  /** For callers without a certificate, in plain text. */
  readonly cluster: MeshResource;
  /** For callers with one, under the same name; absent while nobody knows whose certificates count, when `cluster` is for them too. */
  readonly mutualCluster?: MeshResource;
  /** Under the cluster's name. Holds the IP endpoints only; a cluster with host names carries its endpoints itself. */
  readonly endpoints: MeshResource;
  readonly problems: readonly Problem[];
}

/** What of the identity of a service counts for its callers. */
export interface CalleeIdentity {
  readonly mode: IdentityMode;
  /** Whose certificates count; undefined while Consul's CA has not said. */
  readonly trust?: Trust | undefined;
}

/**
 * Compiles a service by itself: nothing but its own instances, its identity and the defaults, with the service's own wishes above them, is
 * in the result, and the order of the instances is not.
 * A service without instances, known or not, has a cluster and an empty assignment, so that requests to it fail at once.
 */
export function compileService(
  service: CatalogService,
  defaults: MeshDefaults,
  identity: CalleeIdentity = { mode: "off" },
): CompiledService {
  const { name } = service;
  const { localities, problems: placementProblems } = placeEndpoints(service);
  const { protocol, problem: protocolProblem } = protocolOf(service.instances);
  const { settings, problems: wishProblems } = withWishes(service.instances, defaults);
  const nameProblem = serviceNameProblem(name);
  const problems: Problem[] = [...placementProblems];
  for (const message of wishProblems) problems.push({ code: "service-wish", service: name, message });
  if (protocolProblem) problems.unshift({ code: "service-protocols", service: name, message: protocolProblem });
  if (nameProblem) problems.unshift({ code: "service-name", service: name, message: `nobody can call it: ${nameProblem}` });

  for (const problem of identityProblems(service, identity)) problems.push(problem);

  const addressed = localities
    .map((locality) => ({ ...locality, endpoints: locality.endpoints.filter((endpoint) => endpoint.ip) }))
    .filter((locality) => locality.endpoints.length > 0);
  const provenance = { service: name, source: "catalog" };
  const cluster = (mutual?: MutualTls) =>
    resource(ClusterSchema, name, serviceCluster(name, protocol, localities, settings, mutual), provenance);
  const { mode, trust } = identity;
  return {
    cluster: cluster(),
    ...(trust ? { mutualCluster: cluster({ trust, strict: mode === "strict" }) } : {}),
    endpoints: resource(ClusterLoadAssignmentSchema, name, loadAssignment(name, addressed), provenance),
    problems,
  };
}
