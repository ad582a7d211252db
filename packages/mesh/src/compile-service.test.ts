import { fromBinary } from "@bufbuild/protobuf";
import { Cluster_DiscoveryType, ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CatalogService, Instance } from "./catalog/instance.js";
import { compileService } from "./compile-service.js";
import { defaultSettings, type TrafficSettings } from "./policy/traffic/settings.js";
import { noTraffic } from "./policy/traffic/traffic-policies.js";
import { anyService, check, instance, instances } from "./proof/instances.js";

const orders = (...list: Instance[]): CatalogService => ({ name: "orders", instances: list });
const clusterOf = (service: CatalogService, base: TrafficSettings = defaultSettings) =>
  fromBinary(ClusterSchema, compileService(service, { ...noTraffic, base }).cluster.bytes);
const assignmentOf = (service: CatalogService) =>
  fromBinary(ClusterLoadAssignmentSchema, compileService(service, noTraffic).endpoints.bytes);
const addresses = (service: CatalogService) =>
  assignmentOf(service).endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.map(({ hostIdentifier }) => {
      const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
      return address?.case === "socketAddress" ? address.value.address : undefined;
    }),
  );

describe("a compiled service", () => {
  it("has the same bytes whatever the order of its instances, their checks and their metadata", () => {
    const shuffled = anyService.chain((service) =>
      fc.tuple(
        fc.constant(service),
        fc.shuffledSubarray([...service.instances], { minLength: service.instances.length }).map((list) => ({
          ...service,
          instances: list.map((one) => ({
            ...one,
            checks: [...one.checks].reverse(),
            meta: Object.fromEntries(Object.entries(one.meta).reverse()),
          })),
        })),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([service, other]) => {
        expect(compileService(other, noTraffic)).toEqual(compileService(service, noTraffic));
      }),
    );
  });

  it("has a version that is equal exactly when its bytes are", () => {
    fc.assert(
      fc.property(anyService, anyService, (a, b) => {
        const [x, y] = [compileService(a, noTraffic).endpoints, compileService(b, noTraffic).endpoints];
        expect(x.version === y.version).toBe(Buffer.from(x.bytes).equals(Buffer.from(y.bytes)));
        expect(x.version).toMatch(/^[0-9a-f]{16}$/);
      }),
    );
  });

  it("never holds two endpoints with one address, nor one that Envoy refuses", () => {
    fc.assert(
      fc.property(anyService, (service) => {
        for (const { locality, loadBalancingWeight = 0, lbEndpoints } of assignmentOf(service).endpoints) {
          expect(locality).toBeDefined();
          expect(loadBalancingWeight).toBeGreaterThanOrEqual(1);
          for (const endpoint of lbEndpoints) expect(endpoint.loadBalancingWeight).toBeGreaterThanOrEqual(1);
        }
        const places = assignmentOf(service).endpoints.flatMap(({ lbEndpoints }) =>
          lbEndpoints.map((e) => JSON.stringify(e.hostIdentifier.value)),
        );
        expect(new Set(places).size).toBe(places.length);
      }),
    );
  });

  it("changes only its endpoints when health, weights or instances change", () => {
    const before = compileService(orders(...instances(3)), noTraffic);
    for (const changed of [
      instances(2),
      instances(3, { weights: { passing: 9, warning: 1 } }),
      instances(3, { checks: [check("critical")] }),
    ]) {
      const after = compileService(orders(...changed), noTraffic);
      expect(after.cluster.version).toBe(before.cluster.version);
      expect(after.endpoints.version).not.toBe(before.endpoints.version);
    }
  });

  it("changes nothing when only the output of a check, a tag or a user's metadata changes", () => {
    const at = (overrides: Partial<Instance>) => compileService(orders(instance(overrides)), noTraffic);
    const before = at({ checks: [{ ...check("passing"), output: "12 ms" }] });
    expect(at({ checks: [{ ...check("passing"), output: "13 ms" }], tags: ["v2"], meta: { team: "red" } })).toEqual(before);
  });

  it("is an empty cluster without instances, so that requests fail at once", () => {
    const { cluster, endpoints, problems } = compileService(orders(), noTraffic);
    expect([cluster.name, endpoints.name]).toEqual(["orders", "orders"]);
    expect(assignmentOf(orders())).toMatchObject({ clusterName: "orders", endpoints: [] });
    expect(problems).toEqual([]);
  });

  it("names what it came from", () => {
    const { cluster, endpoints } = compileService(orders(), noTraffic);
    expect([cluster.provenance, endpoints.provenance]).toEqual([
      { service: "orders", source: "catalog" },
      { service: "orders", source: "catalog" },
    ]);
  });
});

describe("instances in each other's way", () => {
  it("keeps the healthier of two with one address, and names both", () => {
    const stale = instance({ node: "host-a", id: "old", checks: [check("critical")] });
    const fresh = instance({ node: "host-b", id: "new" });
    for (const service of [orders(stale, fresh), orders(fresh, stale)]) {
      expect(addresses(service)).toEqual(["10.0.0.1"]);
      expect(compileService(service, noTraffic).problems).toEqual([
        {
          code: "duplicate-address",
          service: "orders",
          message:
            "host-a/old and host-b/new have one address, 10.0.0.1:80: only host-b/new is served. Deregister host-a/old, or give it a port of its own",
        },
      ]);
    }
  });

  it("serves equal IDs on two nodes, and names both nodes", () => {
    const service = orders(instance({ node: "host-a" }), instance({ node: "host-b", address: "10.0.0.2" }));
    expect(addresses(service)).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(compileService(service, noTraffic).problems).toMatchObject([
      { code: "duplicate-id", message: expect.stringContaining("host-a and host-b") },
    ]);
  });

  it("leaves out an instance with port 0 and says which", () => {
    const service = orders(instance({ port: 0 }), instance({ node: "host-b", id: "orders-2", address: "10.0.0.2" }));
    expect(addresses(service)).toEqual(["10.0.0.2"]);
    expect(compileService(service, noTraffic).problems).toMatchObject([
      { code: "instance-address", message: expect.stringMatching(/^host-a\/orders-1 gets no traffic: its port 0/) },
    ]);
  });
});

describe("a service with a host name", () => {
  const named = instance({ address: "db.internal", meta: { zone: "b" } });
  const addressed = instance({ node: "host-b", id: "orders-2", address: "10.0.0.2" });

  it("is resolved by Envoy, with all of its endpoints in the cluster", () => {
    const cluster = clusterOf(orders(named, addressed));
    expect(cluster.clusterDiscoveryType.value).toBe(Cluster_DiscoveryType.STRICT_DNS);
    expect(cluster.loadAssignment?.endpoints.flatMap(({ lbEndpoints }) => lbEndpoints)).toHaveLength(2);
  });

  it("keeps its IP endpoints in EDS, so that callers lose none while the cluster changes", () => {
    expect(addresses(orders(named, addressed))).toEqual(["10.0.0.2"]);
  });
});

describe("the protocol of a service", () => {
  const speaking = (...protocols: string[]) =>
    orders(...protocols.map((protocol, i) => instance({ id: `orders-${i}`, address: `10.0.0.${i + 1}`, meta: { protocol } })));

  it("is what most instances say, and the odd one is named", () => {
    const { cluster, problems } = compileService(speaking("grpc", "http", "grpc"), noTraffic);
    expect(cluster.version).toBe(compileService(speaking("grpc"), noTraffic).cluster.version);
    expect(problems).toMatchObject([{ code: "service-protocols", message: expect.stringContaining("host-a/orders-1 (http)") }]);
  });

  it("is HTTP/1.1 for http, HTTP/2 for http2 and grpc, and no HTTP for tcp", () => {
    const [http, http2, grpc, tcp] = ["http", "http2", "grpc", "tcp"].map((protocol) => clusterOf(speaking(protocol)));
    expect(http2).toEqual(grpc);
    expect(http).not.toEqual(http2);
    expect(tcp?.typedExtensionProtocolOptions).toEqual({});
  });
});

describe("the defaults in a cluster", () => {
  it("sweep at least six times in a recovery timeout, and at least every ten seconds", () => {
    const sweep = (recoveryTimeout: number) =>
      clusterOf(orders(), { ...defaultSettings, circuitBreaker: { ...defaultSettings.circuitBreaker, recoveryTimeout } }).outlierDetection
        ?.interval;
    expect(sweep(600_000)).toMatchObject({ seconds: 10n, nanos: 0 });
    expect(sweep(60_000)).toMatchObject({ seconds: 10n, nanos: 0 });
    expect(sweep(9_000)).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
  });

  it("eject all and try none when all shall fail fast", () => {
    const cluster = clusterOf(orders(), {
      ...defaultSettings,
      circuitBreaker: { ...defaultSettings.circuitBreaker, whenAllFail: "fail-fast" },
    });
    expect(cluster.outlierDetection?.maxEjectionPercent).toBe(100);
    expect(cluster.commonLbConfig?.healthyPanicThreshold?.value).toBe(0);
  });

  it("have a policy of Envoy's for every strategy, and one that gRPC knows behind it", () => {
    const policies = (["health_based", "least_connections", "round_robin", "weighted_round_robin", "random"] as const).map((strategy) =>
      clusterOf(orders(), { ...defaultSettings, balancing: { ...defaultSettings.balancing, strategy } }).loadBalancingPolicy?.policies.map(
        (policy) => policy.typedExtensionConfig?.name.split(".").at(-1),
      ),
    );
    expect(policies).toEqual([
      ["least_request", "wrr_locality"],
      ["least_request", "wrr_locality"],
      ["round_robin", "wrr_locality"],
      ["round_robin", "wrr_locality"],
      ["random", "wrr_locality"],
    ]);
  });
});
