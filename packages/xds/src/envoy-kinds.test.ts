/** Envoy taking what is not clusters, endpoints, listeners and routes: secrets, runtime, names on demand, and its load reports. */
import { parseJson } from "@legation/envoy-api";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { VirtualHostSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { SecretSchema } from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import { RuntimeSchema } from "@legation/envoy-api/envoy/service/runtime/v3/rtds";
import { createTestAuthority } from "@legation/runtime/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createResourceCache } from "./cache.js";
import type { LoadReport } from "./load-report.js";
import type { XdsServerOptions } from "./options.js";
import { createResource } from "./resource.js";
import { createXdsServer } from "./server.js";
import { clusterNamed, endpointsOf, listenerNamed, routesNamed } from "./testing/envoy-resources.js";
import { eventually, type RealEnvoy, startEnvoy } from "./testing/real-envoy.js";
import { startUpstream } from "./testing/upstream.js";
import { TypeUrl } from "./type.js";

const ads = { resourceApiVersion: "V3", ads: {} };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function scene(variant: "delta" | "sotw", options: Partial<XdsServerOptions> = {}, bootstrap: Record<string, unknown> = {}) {
  const cache = options.cache ?? createResourceCache();
  cache.patch("all", {});
  cache.patch("asked", {});
  const server = createXdsServer({ cache, view: () => ({ layers: ["all"], named: ["asked"] }), ...options });
  const { port } = await server.listen("127.0.0.1:0");
  cleanups.push(() => server.stop({ graceMs: 0 }));
  const proxy = await startEnvoy({ id: "node-1", xdsPort: port, variant, bootstrap });
  cleanups.push(() => proxy.stop());
  return { cache, server, proxy };
}

async function ask(proxy: RealEnvoy, host = "any"): Promise<string> {
  const port = await eventually(() => proxy.port("in"));
  const url = `http://127.0.0.1:${port}/`;
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const call = request(url, { headers: { host } }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("end", () => resolve(`${response.statusCode} ${body}`));
    });
    call.on("error", reject);
    call.end();
  });
}

describe.each(["delta", "sotw"] as const)("Envoy over %s ADS", (variant) => {
  it("takes a secret when it appears, and not before", async () => {
    const { cache, server, proxy } = await scene(variant);
    const json = {
      name: "secure",
      type: "EDS",
      edsClusterConfig: { edsConfig: ads },
      connectTimeout: "1s",
      transportSocket: {
        name: "tls",
        typedConfig: {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
          commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: "leaf", sdsConfig: ads }] },
        },
      },
    };
    cache.patch("all", { set: [createResource(ClusterSchema, "secure", parseJson(ClusterSchema, json)), endpointsOf("secure", 1)] });
    await eventually(() =>
      server
        .status()[0]
        ?.types.find((type) => type.typeUrl === TypeUrl.secret)
        ?.names.includes("leaf"),
    );
    const { key, cert } = createTestAuthority().issue(["localhost"]);
    const secret = { name: "leaf", tlsCertificate: { certificateChain: { inlineString: cert }, privateKey: { inlineString: key } } };
    const resource = createResource(SecretSchema, "leaf", parseJson(SecretSchema, secret));
    cache.patch("all", { set: [resource] });
    await eventually(
      () =>
        server
          .status()[0]
          ?.types.find((type) => type.typeUrl === TypeUrl.secret)
          ?.acknowledged.get("leaf") === resource.version,
    );
    expect(await proxy.stat("cluster.secure.client_ssl_socket_factory.ssl_context_update_by_sds")).toBeGreaterThan(0);
  });

  it("takes a runtime layer and its changes", async () => {
    const layers = [{ name: "mesh", rtds_layer: { name: "mesh", rtds_config: { resource_api_version: "V3", ads: {} } } }];
    const { cache, proxy } = await scene(variant, {}, { layered_runtime: { layers } });
    for (const value of [1, 2]) {
      const layer = parseJson(RuntimeSchema, { name: "mesh", layer: { "legation.test": value } });
      cache.patch("all", { set: [createResource(RuntimeSchema, "mesh", layer)] });
      await eventually(async () => (await proxy.admin("/runtime")).includes(`"final_value": "${value}"`));
    }
  });

  it("reports its load", async () => {
    const reports: LoadReport[] = [];
    const port = await startUpstream("one", cleanups);
    const { cache, proxy } = await scene(
      variant,
      { loadReports: { intervalMs: 200, onReport: (report) => reports.push(report) } },
      {
        cluster_manager: {
          load_stats_config: { api_type: "GRPC", transport_api_version: "V3", grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }] },
        },
      },
    );
    cache.patch("all", {
      set: [clusterNamed("orders"), endpointsOf("orders", port), listenerNamed("in", "routes"), routesNamed("routes", "orders")],
    });
    await eventually(async () => (await ask(proxy)) === "200 one");
    await eventually(async () => {
      await ask(proxy);
      const stats = reports.flatMap(({ clusters }) => clusters).filter(({ clusterName }) => clusterName === "orders");
      return stats.some(({ upstreamLocalityStats }) => upstreamLocalityStats.some((locality) => locality.totalSuccessfulRequests > 0n));
    });
    expect(reports[0]?.node.id).toBe("node-1");
  });
});

describe("Envoy asking on demand", () => {
  const onDemand = (more: Record<string, unknown> = {}) => [
    {
      name: "envoy.filters.http.on_demand",
      typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand", ...more },
    },
  ];

  it("gets a cluster with the first request to it, and an answer at once for one that does not exist", async () => {
    const port = await startUpstream("orders", cleanups);
    const wanted: string[] = [];
    const cache = createResourceCache();
    const { proxy, server } = await scene("delta", {
      cache,
      onDemand({ typeUrl, names }) {
        if (typeUrl !== TypeUrl.cluster) return;
        wanted.push(...names);
        if (names.includes("orders")) cache.patch("asked", { set: [clusterNamed("orders"), endpointsOf("orders", port)] });
      },
    });
    const routes = {
      name: "routes",
      virtualHosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { clusterHeader: "host" } }] }],
    };
    cache.patch("all", {
      set: [
        listenerNamed("in", "routes", onDemand({ odcds: { source: ads, timeout: "5s" } })),
        createResource(RouteConfigurationSchema, "routes", parseJson(RouteConfigurationSchema, routes)),
      ],
    });
    await eventually(() =>
      server
        .status()[0]
        ?.types.find((type) => type.typeUrl === TypeUrl.route)
        ?.acknowledged.has("routes"),
    );
    await eventually(async () => (await ask(proxy, "orders")) === "200 orders");
    const before = performance.now();
    expect(await ask(proxy, "nowhere")).toMatch(/^503 /);
    expect(performance.now() - before).toBeLessThan(4_000);
    expect(wanted).toEqual(["orders", "nowhere"]);
  });

  it("gets a virtual host with the first request to it", async () => {
    const port = await startUpstream("orders", cleanups);
    const cache = createResourceCache();
    const known = { name: "known", domains: ["known"] };
    const orders = { name: "orders", domains: ["orders"], routes: [{ match: { prefix: "/" }, route: { cluster: "orders" } }] };
    const { proxy, server } = await scene("delta", {
      cache,
      onDemand({ typeUrl, names }) {
        if (typeUrl !== TypeUrl.virtualHost || !names.includes("routes/orders")) return;
        cache.patch("asked", { set: [createResource(VirtualHostSchema, "routes/orders", parseJson(VirtualHostSchema, orders))] });
      },
    });
    cache.patch("all", {
      set: [
        clusterNamed("orders"),
        endpointsOf("orders", port),
        listenerNamed("in", "routes", onDemand()),
        createResource(VirtualHostSchema, "routes/known", parseJson(VirtualHostSchema, known)),
        createResource(
          RouteConfigurationSchema,
          "routes",
          parseJson(RouteConfigurationSchema, { name: "routes", vhds: { configSource: ads } }),
        ),
      ],
    });
    await eventually(() =>
      server
        .status()[0]
        ?.types.find((type) => type.typeUrl === TypeUrl.route)
        ?.acknowledged.has("routes"),
    );
    await eventually(async () => (await ask(proxy, "orders")) === "200 orders");
    expect(await ask(proxy, "nowhere")).toMatch(/^404 /);
  });
});
