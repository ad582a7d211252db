import { endpointMark, heldResources } from "@legation/contract";
import { expect, test } from "vitest";
import { type DumpAnswer, readEnvoyConfig } from "./config-dump.js";

const at = "2026-11-21T17:14:34.442Z";
const later = "2026-11-21T17:20:00.000Z";
const type = (name: string) => `type.googleapis.com/envoy.${name}`;

const cluster = (name: string, version_info: string, last_updated = at) => ({
  "@type": type("admin.v3.ClustersConfigDump.DynamicCluster"),
  version_info,
  cluster: { "@type": type("config.cluster.v3.Cluster"), name },
  last_updated,
});

const assignment = (cluster_name: string, ...addresses: readonly (readonly [string, number])[]) => ({
  "@type": type("admin.v3.EndpointsConfigDump.DynamicEndpointConfig"),
  endpoint_config: {
    "@type": type("config.endpoint.v3.ClusterLoadAssignment"),
    cluster_name,
    endpoints: [
      {
        locality: {},
        lb_endpoints: addresses.map(([address, port_value]) => ({
          endpoint: { address: { socket_address: { address, port_value } }, health_check_config: {} },
          health_status: "HEALTHY",
          load_balancing_weight: 2,
        })),
      },
    ],
    policy: { overprovisioning_factor: 140 },
  },
});

/** As Envoy 1.40 answers `/config_dump?resource=…&mask=…`. */
const dump: Readonly<Record<string, DumpAnswer>> = {
  dynamic_active_clusters: { configs: [cluster("db", "ac7d3ece2953aa60"), cluster("inbound:application", "7ebe1510b2637e14")] },
  dynamic_warming_clusters: { configs: [cluster("orders", "d54bd830a1354235", later)] },
  dynamic_endpoint_configs: { configs: [assignment("db", ["10.0.0.2", 80], ["10.0.0.1", 80]), assignment("inbound:application")] },
  static_endpoint_configs: { configs: [assignment("legation:xds", ["127.0.0.1", 18000])] },
  dynamic_listeners: {
    configs: [
      {
        "@type": type("admin.v3.ListenersConfigDump.DynamicListener"),
        name: "inbound",
        active_state: { version_info: "70997f93226d0bdd", last_updated: at },
        warming_state: { version_info: "b1a5", last_updated: later },
      },
      {
        name: "outbound",
        error_state: { last_update_attempt: later, details: "cannot bind '203.0.113.7:20000'", version_info: "f55f" },
      },
      { name: "outbound:db:30327", draining_state: { version_info: "9b359734eda75abb", last_updated: later } },
    ],
  },
  dynamic_route_configs: {
    configs: [
      { version_info: "7c5903e15e859fd5", route_config: { "@type": type("config.route.v3.RouteConfiguration"), name: "outbound" } },
    ],
  },
  ecds_filters: { configs: [{ version_info: "b905f177d54cdcd6", ecds_filter: { name: "intentions/http/web" } }] },
  dynamic_active_secrets: {
    configs: [
      { name: "leaf", version_info: "9ff9e5fd9cda5600", last_updated: at },
      { name: "leaf", last_updated: at },
    ],
  },
  dynamic_warming_secrets: {},
};

test("names, versions and states of all dynamic resources are read; what came from files has no version and is none", async () => {
  const asked: string[] = [];
  const { held, leftOut } = await readEnvoyConfig(async (query) => {
    asked.push(query);
    return dump[/^resource=(\w+)/.exec(query)?.[1] ?? ""] ?? {};
  });
  expect(leftOut).toBe(0);
  expect(held).toEqual({
    cluster: [
      { name: "db", version: "ac7d3ece2953aa60" },
      { name: "inbound:application", version: "7ebe1510b2637e14" },
      { name: "orders", version: "d54bd830a1354235", state: "warming", since: later },
    ],
    endpoints: [
      { name: "db", version: endpointMark(["10.0.0.1:80", "10.0.0.2:80"]) },
      { name: "inbound:application", version: endpointMark([]) },
      { name: "legation:xds", version: endpointMark(["127.0.0.1:18000"]) },
    ],
    listener: [
      { name: "inbound", version: "70997f93226d0bdd" },
      { name: "inbound", version: "b1a5", state: "warming", since: later },
      { name: "outbound", version: "f55f", state: "failed", since: later, message: "cannot bind '203.0.113.7:20000'" },
      { name: "outbound:db:30327", version: "9b359734eda75abb", state: "draining", since: later },
    ],
    routes: [{ name: "outbound", version: "7c5903e15e859fd5" }],
    extension: [{ name: "intentions/http/web", version: "b905f177d54cdcd6" }],
    secret: [{ name: "leaf", version: "9ff9e5fd9cda5600" }],
  });
  expect(asked.filter((query) => query.includes("secrets")).every((query) => query.endsWith("&mask=name,version_info,last_updated"))).toBe(
    true,
  );
});

test("an answer has a bound, and says what is beyond it", async () => {
  const configs = Array.from({ length: heldResources + 7 }, (_, index) => cluster(`s${index}`, "v"));
  const { held, leftOut } = await readEnvoyConfig(async (query) =>
    query.startsWith("resource=dynamic_active_clusters") ? { configs } : (dump["dynamic_route_configs"] ?? {}),
  );
  expect(held.cluster).toHaveLength(heldResources);
  expect(held.routes).toHaveLength(0);
  expect(leftOut).toBeGreaterThan(7);
});
