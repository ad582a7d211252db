/** A service's cluster and endpoints as a caller is given them, read back from the messages. */
import { fromBinary } from "@bufbuild/protobuf";
import { unpackAny } from "@legation/envoy-api";
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { HealthStatus } from "@legation/envoy-api/envoy/config/core/v3/health_check";
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { LeastRequestSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/least_request/v3/least_request";
import { RandomSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/random/v3/random";
import { RoundRobinSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin";
import { SubsetSchema } from "@legation/envoy-api/envoy/extensions/load_balancing_policies/subset/v3/subset";
import { subsetKey } from "../policy/traffic/subsets/subset-balancing.js";
import type { MeshResource } from "../resource.js";
import type { BalancedHost } from "./balance.js";

/** An endpoint as the caller's Envoy has it. */
export interface KnownHost extends BalancedHost {
  /** `<Consul node>/<service id>`. */
  readonly instance: string;
  /** `host:port`, an IPv6 host in brackets. */
  readonly address: string;
  readonly region: string;
  readonly zone: string;
  /** What the control plane says of it; `health` is what that means. */
  readonly status: "HEALTHY" | "DEGRADED" | "UNHEALTHY" | "DRAINING";
  readonly subsets: readonly string[];
}

/** How the cluster chooses. */
export interface KnownCluster {
  readonly name: string;
  /** Envoy's name of the policy: `least_request`. */
  readonly policy: string;
  readonly hashing: boolean;
  readonly zoneAware: boolean;
  /** It looks at subsets; another one passes over what a route wants. */
  readonly subsetted: boolean;
  readonly panicThreshold: number;
  readonly activeChecks: boolean;
  /** It resolves its hosts' names itself. */
  readonly dns: boolean;
  readonly overprovisioning: number;
  readonly hosts: readonly KnownHost[];
}

/** Reads them; without `endpoints` the cluster has none, unless it carries them itself. */
export function knownCluster(cluster: Pick<MeshResource, "bytes">, endpoints: Pick<MeshResource, "bytes"> | undefined): KnownCluster {
  const message = fromBinary(ClusterSchema, cluster.bytes);
  const dns = message.clusterDiscoveryType.case === "type" && message.clusterDiscoveryType.value === Cluster_DiscoveryType.STRICT_DNS;
  const assignment = dns ? message.loadAssignment : endpoints && fromBinary(ClusterLoadAssignmentSchema, endpoints.bytes);
  const threshold = message.commonLbConfig?.healthyPanicThreshold?.value ?? 50;
  return {
    name: message.name,
    ...chooser(message),
    panicThreshold: threshold,
    activeChecks: message.healthChecks.length > 0,
    dns,
    overprovisioning: assignment?.policy?.overprovisioningFactor ?? 140,
    hosts: assignment ? hostsOf(assignment) : [],
  };
}

function chooser({ loadBalancingPolicy }: Cluster): Pick<KnownCluster, "policy" | "hashing" | "zoneAware" | "subsetted"> {
  let subsetted = false;
  let extension = loadBalancingPolicy?.policies[0]?.typedExtensionConfig;
  if (nameOf(extension?.name) === "subset" && extension?.typedConfig) {
    subsetted = true;
    extension = unpackAny(SubsetSchema, extension.typedConfig).subsetLbPolicy?.policies[0]?.typedExtensionConfig;
  }
  const policy = nameOf(extension?.name);
  const config = extension?.typedConfig;
  const schema = { least_request: LeastRequestSchema, round_robin: RoundRobinSchema, random: RandomSchema }[policy];
  const locality = schema && config ? unpackAny(schema, config).localityLbConfig?.localityConfigSpecifier : undefined;
  const zoneAware = locality?.case === "zoneAwareLbConfig" && (locality.value.routingEnabled?.value ?? 100) > 0;
  return { policy, hashing: policy === "ring_hash" || policy === "maglev", zoneAware, subsetted };
}

function nameOf(extension = ""): string {
  return extension.slice(extension.lastIndexOf(".") + 1);
}

/** The endpoints of an assignment, in its order. */
export function hostsOf({ endpoints }: ClusterLoadAssignment): readonly KnownHost[] {
  return endpoints.flatMap(({ priority, locality, lbEndpoints }) =>
    lbEndpoints.map((one) => {
      const region = locality?.region ?? "";
      const zone = locality?.zone ?? "";
      const said = one.metadata?.filterMetadata ?? {};
      const own = said["legation"] ?? {};
      const labels = said["envoy.lb"]?.[subsetKey];
      const status = statusOf(one.healthStatus);
      return {
        instance: `${String(own["node"] ?? "")}/${String(own["id"] ?? "")}`,
        address: addressOf(one.hostIdentifier),
        ...{ region, zone, priority, status },
        locality: localityKey(region, zone),
        weight: one.loadBalancingWeight ?? 1,
        health: status === "HEALTHY" ? "healthy" : status === "DEGRADED" ? "degraded" : "unhealthy",
        draining: status === "DRAINING",
        subsets: Array.isArray(labels) ? labels.map(String) : [],
      } satisfies KnownHost;
    }),
  );
}

/** Equal for equal places. */
export function localityKey(region: string, zone: string): string {
  return JSON.stringify([region, zone]);
}

function statusOf(status: HealthStatus): KnownHost["status"] {
  if (status === HealthStatus.UNHEALTHY || status === HealthStatus.TIMEOUT) return "UNHEALTHY";
  if (status === HealthStatus.DRAINING) return "DRAINING";
  return status === HealthStatus.DEGRADED ? "DEGRADED" : "HEALTHY";
}

function addressOf(host: ClusterLoadAssignment["endpoints"][number]["lbEndpoints"][number]["hostIdentifier"]): string {
  const at = host.case === "endpoint" ? host.value.address?.address : undefined;
  if (at?.case !== "socketAddress") return "";
  const { address, portSpecifier } = at.value;
  const port = portSpecifier.case === "portValue" ? portSpecifier.value : 0;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
