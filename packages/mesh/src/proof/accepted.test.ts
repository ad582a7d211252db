import { fromBinary } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningEnvoy, startEnvoy } from "./envoy.js";
import { compileCase, goldenCases, resourceJson } from "./golden-case.js";

let envoy: RunningEnvoy | undefined;
afterEach(async () => {
  await envoy?.stop();
  envoy = undefined;
});

const sidecars = goldenCases().flatMap((name) =>
  [...compileCase(name).nodes].filter(([, node]) => node.instance.length > 0).map(([id]) => ({ name, id })),
);

describe("a real Envoy", () => {
  it.each(sidecars)("accepts every resource of $id in $name", async ({ name, id }) => {
    const { services, nodes } = compileCase(name);
    const node = nodes.get(id);
    if (!node) throw new Error(`no node ${id}`);
    const shared = node.clusters.flatMap((service) => {
      const compiled = services.get(service);
      return compiled ? [compiled.cluster, compiled.endpoints] : [];
    });
    const own = [...node.view, ...node.instance];
    envoy = await startEnvoy([...own, ...shared].map(resourceJson));

    const stats = await envoy.stats();
    const rejected = [...stats].filter(([stat, value]) => /(update_rejected|update_failure|create_failure)$/.test(stat) && value > 0);
    expect(rejected).toEqual([]);
    const listeners = own.filter((resource) => resource.typeUrl.endsWith(".Listener"));
    const inbound = own.filter((resource) => resource.typeUrl.endsWith(".Cluster"));
    expect(stats.get("listener_manager.total_listeners_active")).toBe(listeners.length);
    expect(stats.get("cluster_manager.active_clusters")).toBe(node.clusters.length + inbound.length);
    for (const service of node.clusters) {
      const endpoints = services.get(service)?.endpoints;
      const held = endpoints ? fromBinary(ClusterLoadAssignmentSchema, endpoints.bytes).endpoints.flatMap((e) => e.lbEndpoints).length : 0;
      expect(stats.get(`cluster.${service}.membership_total`)).toBe(held);
    }
    expect(stats.get("http.outbound.rds.outbound.update_success")).toBe(1);
    expect(stats.get("cluster_manager.warming_clusters")).toBe(0);
  });
});
