import { fromBinary } from "@bufbuild/protobuf";
import { type NodeMetadata, secretNames } from "@legation/contract";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { compileNode } from "../compile-node.js";
import { noTraffic } from "../policy/traffic/traffic-policies.js";
import { createAuthority, type NodeCertificates, withCertificates } from "./authority.js";
import { type RunningEnvoy, startEnvoy } from "./envoy.js";
import { compileCase, goldenCases, resourceJson } from "./golden-case.js";
import { openRules } from "./identity-mesh.js";

let envoy: RunningEnvoy | undefined;
let certificates: NodeCertificates;
beforeAll(() => {
  certificates = createAuthority("test.consul").issue({ uri: "spiffe://test.consul/ns/default/dc/dc1/svc/web" });
});
afterAll(() => certificates?.remove());
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
    const identified = node.instance.some(({ name: own }) => own === secretNames.leaf);
    const shared = node.clusters.flatMap((service) => {
      const compiled = services.get(service);
      return compiled ? [(identified && compiled.mutualCluster) || compiled.cluster, compiled.endpoints] : [];
    });
    const own = [...node.view, ...node.instance];
    const service = node.instance[0]?.provenance.service ?? "";
    const rules = identified ? (["http", "tcp"] as const).flatMap((protocol) => openRules(service, protocol)) : [];
    envoy = await startEnvoy([...own, ...rules, ...shared].map(resourceJson).map((json) => withCertificates(json, certificates.directory)));

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
    if (inbound.length > 0) expect(stats.has("cluster.inbound.upstream_cx_active")).toBe(true);
    expect(stats.get("http.outbound.rds.outbound.update_success")).toBe(1);
    expect(stats.get("cluster_manager.warming_clusters")).toBe(0);
    expect(stats.get("listener_manager.total_listeners_warming")).toBe(0);
  });

  it("accepts the routes of a service with more dependencies than its refusal can name", async () => {
    const dependencies = Array.from({ length: 200 }, (_, i) => ({ name: `${"d".repeat(58)}-${i}`, optional: false }));
    const node: NodeMetadata = {
      api: 1,
      service: "web",
      kind: "sidecar",
      inbound: "127.0.0.1:20000",
      app: "127.0.0.1:3000",
      outbound: "127.0.0.1:15001",
      protocol: "http",
      dependencies,
    };
    const { view, instance } = compileNode(node, () => undefined, noTraffic);
    envoy = await startEnvoy([...view, ...instance].map(resourceJson));
    expect((await envoy.stats()).get("http.outbound.rds.outbound.update_rejected")).toBe(0);
    const refused = await fetch(`http://127.0.0.1:${await envoy.port("outbound")}/`);
    expect(await refused.text()).toMatch(/Declared: d+-0, .* and 1[0-9][0-9] more\n$/);
  });
});
