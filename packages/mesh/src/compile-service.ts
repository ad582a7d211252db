/** One service → the resources that all of its callers share. */
import { type IdentityMode, serviceNameProblem, zoneAssignmentName } from "@legation/contract";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { type Callee, callee } from "./callee.js";
import type { CatalogService } from "./catalog/instance.js";
import { type LocalityEndpoints, placeEndpoints } from "./catalog/placement.js";
import { protocolOf } from "./catalog/protocol.js";
import { grpcCluster } from "./envoy/clusters/grpc-cluster.js";
import { type MutualTls, serviceCluster } from "./envoy/clusters/service-cluster.js";
import { loadAssignment } from "./envoy/endpoints/assignment.js";
import { zoneAssignment } from "./envoy/endpoints/zone-assignment.js";
import { identityProblems } from "./policy/identity/problems.js";
import type { Trust } from "./policy/identity/trust.js";
import { ruleProblems } from "./policy/route/rule-problems.js";
import { endpointLabels, weighed } from "./policy/traffic/balancing/endpoint-labels.js";
import { weighByShare } from "./policy/traffic/balancing/health-weights.js";
import { healthCheckProblem } from "./policy/traffic/health-checks/envoy-health-check.js";
import { type Prioritized, prioritized, regionsOf } from "./policy/traffic/locality/priorities.js";
import { subsetProblems } from "./policy/traffic/subsets/subsets.js";
import { unsupportedByTcp } from "./policy/traffic/tcp.js";
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
  /** What callers in a region have in place of `endpoints`, where these go to one region before another. */
  readonly regional?: RegionalEndpoints;
  /** Where its own instances are, for the Envoys of these: one for each region that has some. */
  readonly zones: readonly MeshResource[];
  /** What goes into its callers' routes. */
  readonly callee: Callee;
  readonly problems: readonly Problem[];
}

/** The endpoints of a service in the order of regions, each under the cluster's name. */
export interface RegionalEndpoints {
  /** By the caller's region, of those that have endpoints. */
  readonly from: ReadonlyMap<string, MeshResource>;
  /** For callers in any other region, where they do not have all endpoints alike. */
  readonly elsewhere?: MeshResource;
}

/** What a caller in a region has in place of a service's `endpoints`; undefined where it has these. Who names no region has these. */
export function endpointsFrom({ regional }: CompiledService, region: string): MeshResource | undefined {
  return region === "" ? undefined : (regional?.from.get(region) ?? regional?.elsewhere);
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
  if (protocol === "tcp")
    for (const message of unsupportedByTcp(policies.services.get(name))) problems.push({ code: "tcp-unsupported", service: name, message });
  if (protocolProblem) problems.unshift({ code: "service-protocols", service: name, message: protocolProblem });
  if (nameProblem) problems.unshift({ code: "service-name", service: name, message: `nobody can call it: ${nameProblem}` });

  for (const problem of identityProblems(service, identity)) problems.push(problem);
  for (const problem of subsetProblems(service, traffic.subsets)) problems.push(problem);

  const addressed = localities
    .map((locality) => ({ ...locality, endpoints: locality.endpoints.filter((endpoint) => endpoint.ip) }))
    .filter((locality) => locality.endpoints.length > 0);
  const shared = settings.balancing.strategy === "health_based" ? weighByShare(addressed) : addressed;
  const origin = provenance(name, "catalog", documents);
  const cluster = (mutual?: MutualTls) =>
    resource(
      ClusterSchema,
      name,
      serviceCluster({ name, protocol, localities, labels, settings, subsetted: traffic.subsetted }, mutual),
      origin,
    );
  const assignment = (list: readonly LocalityEndpoints[] | Prioritized) =>
    resource(ClusterLoadAssignmentSchema, name, loadAssignment(name, list, labels, settings.locality.overprovisioning), origin);
  const endpoints = assignment(shared);
  const regional = regionalEndpoints(shared, endpoints, (region) => {
    const ordered = prioritized(shared, region, settings.locality);
    return ordered && assignment(ordered);
  });
  const { mode, trust } = identity;
  let forGrpc: MeshResource | undefined;
  return {
    cluster: cluster(),
    get grpcCluster() {
      forGrpc ??= resource(ClusterSchema, name, grpcCluster(name, settings), origin);
      return forGrpc;
    },
    ...(trust ? { mutualCluster: cluster({ trust, strict: mode === "strict" }) } : {}),
    endpoints,
    ...(regional ? { regional } : {}),
    zones: regionsOf(addressed).map((region) =>
      resource(ClusterLoadAssignmentSchema, zoneAssignmentName(name, region), zoneAssignment(name, region, addressed), origin),
    ),
    callee: callee(service, traffic, mode),
    problems,
  };
}

/** A region that nobody has: Consul's metadata and Envoy's locality hold no control characters. */
const nowhere = "\u0000";

function regionalEndpoints(
  localities: readonly LocalityEndpoints[],
  shared: MeshResource,
  compiled: (region: string) => MeshResource | undefined,
): RegionalEndpoints | undefined {
  const elsewhere = compiled(nowhere);
  const from = new Map(
    regionsOf(localities).flatMap((region) => {
      const endpoints = compiled(region) ?? (elsewhere && region !== "" ? shared : undefined);
      return endpoints ? [[region, endpoints]] : [];
    }),
  );
  return from.size > 0 || elsewhere ? { from, ...(elsewhere ? { elsewhere } : {}) } : undefined;
}
