/** One service → the resources that all of its callers share. */
import { type IdentityMode, serviceNameProblem } from "@legation/contract";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { type Callee, callee } from "./callee.js";
import type { CatalogService } from "./catalog/instance.js";
import { placeEndpoints } from "./catalog/placement.js";
import { protocolOf } from "./catalog/protocol.js";
import { grpcCluster } from "./envoy/clusters/grpc-cluster.js";
import { type MutualTls, serviceCluster } from "./envoy/clusters/service-cluster.js";
import { loadAssignment } from "./envoy/endpoints/assignment.js";
import { identityProblems } from "./policy/identity/problems.js";
import type { Trust } from "./policy/identity/trust.js";
import { ruleProblems } from "./policy/route/rule-problems.js";
import { endpointLabels, weighed } from "./policy/traffic/balancing/endpoint-labels.js";
import { healthCheckProblem } from "./policy/traffic/health-checks/envoy-health-check.js";
import { subsetProblems } from "./policy/traffic/subsets/subsets.js";
import { type TrafficPolicies, trafficTo } from "./policy/traffic/traffic-policies.js";
import type { Problem } from "./problem.js";
import { type MeshResource, provenance, resource } from "./resource.js";

/** What every caller of a service gets. */
export interface CompiledService {
  /** For callers without a certificate, in plain text. */
  readonly cluster: MeshResource;
  /** For callers with one, under the same name; absent while nobody knows whose certificates count, when `cluster` is for them too. */
  readonly mutualCluster?: MeshResource;
  /** For gRPC applications without an Envoy, under the same name. Made when it is first asked for. */
  readonly grpcCluster: MeshResource;
  /** Under the cluster's name. Holds the IP endpoints only; a cluster with host names carries its endpoints itself. */
  readonly endpoints: MeshResource;
  /** What goes into its callers' routes. */
  readonly callee: Callee;
  readonly problems: readonly Problem[];
}

/** What of the identity of a service counts for its callers. */
export interface CalleeIdentity {
  readonly mode: IdentityMode;
  /** Whose certificates count; undefined while Consul's CA has not said. */
  readonly trust?: Trust | undefined;
}

/**
 * Compiles a service by itself: nothing but its own instances, its identity and what policies say of it is in the result, and the order of
 * the instances is not.
 * A service without instances, known or not, has a cluster and an empty assignment, so that requests to it fail at once.
 */
export function compileService(
  service: CatalogService,
  policies: TrafficPolicies,
  identity: CalleeIdentity = { mode: "off" },
): CompiledService {
  const { name } = service;
  const { localities: placed, problems: placementProblems } = placeEndpoints(service);
  const { protocol, problem: protocolProblem } = protocolOf(service.instances);
  const traffic = trafficTo(service, policies);
  const { settings, documents } = traffic;
  const localities = weighed(placed, settings.balancing);
  const labels = endpointLabels(settings.balancing, traffic.subsets);
  const nameProblem = serviceNameProblem(name);
  const problems: Problem[] = [...placementProblems];
  for (const message of traffic.problems) problems.push({ code: "service-wish", service: name, message });
  for (const problem of ruleProblems(name, protocol, traffic)) problems.push(problem);
  const unasked = healthCheckProblem(settings, protocol);
  if (unasked) problems.push({ code: "health-check-protocol", service: name, message: unasked });
  if (protocolProblem) problems.unshift({ code: "service-protocols", service: name, message: protocolProblem });
  if (nameProblem) problems.unshift({ code: "service-name", service: name, message: `nobody can call it: ${nameProblem}` });

  for (const problem of identityProblems(service, identity)) problems.push(problem);
  for (const problem of subsetProblems(service, traffic.subsets)) problems.push(problem);

  const addressed = localities
    .map((locality) => ({ ...locality, endpoints: locality.endpoints.filter((endpoint) => endpoint.ip) }))
    .filter((locality) => locality.endpoints.length > 0);
  const origin = provenance(name, "catalog", documents);
  const cluster = (mutual?: MutualTls) =>
    resource(
      ClusterSchema,
      name,
      serviceCluster({ name, protocol, localities, labels, settings, subsetted: traffic.subsetted }, mutual),
      origin,
    );
  const { mode, trust } = identity;
  let forGrpc: MeshResource | undefined;
  return {
    cluster: cluster(),
    get grpcCluster() {
      forGrpc ??= resource(ClusterSchema, name, grpcCluster(name, settings), origin);
      return forGrpc;
    },
    ...(trust ? { mutualCluster: cluster({ trust, strict: mode === "strict" }) } : {}),
    endpoints: resource(ClusterLoadAssignmentSchema, name, loadAssignment(name, addressed, labels), origin),
    callee: callee(service, traffic, mode),
    problems,
  };
}
