/** The server under test, in a process of its own: the library with the bench's resources, commanded by lines on standard input. */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { create } from "@bufbuild/protobuf";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { createResource, createResourceCache, createXdsServer, type Resource } from "@legation/xds";

const { values } = parseArgs({ options: { clusters: { type: "string" }, endpoints: { type: "string" } } });
const clusters = Number(values.clusters ?? 100);
const endpoints = Number(values.endpoints ?? 10);

const cache = createResourceCache();
const names = Array.from({ length: clusters }, (_, i) => `cluster-${i}`);
cache.replace("all", [
  ...names.map(cluster),
  ...names.map((name) => assignment(name, 0)),
  createResource(ListenerSchema, "listener-0", create(ListenerSchema, { name: "listener-0" })),
  createResource(RouteConfigurationSchema, "route-0", create(RouteConfigurationSchema, { name: "route-0" })),
]);
const server = createXdsServer({ cache, view: () => ({ layers: ["all"] }) });
const { port } = await server.listen("127.0.0.1:0");
say({ port });

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (!line.startsWith("change ")) return;
    say({ changed: performance.timeOrigin + performance.now() });
    cache.patch("all", { set: [assignment("cluster-0", Number(line.slice(7)))] });
  })
  .on("close", () => process.exit(0));

function say(message: Readonly<Record<string, number>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function cluster(name: string): Resource {
  const message = create(ClusterSchema, {
    name,
    connectTimeout: { seconds: 1n },
    clusterDiscoveryType: { case: "type", value: 3 },
    edsClusterConfig: { edsConfig: { resourceApiVersion: 2, configSourceSpecifier: { case: "ads", value: {} } } },
  });
  return createResource(ClusterSchema, name, message);
}

function assignment(name: string, salt: number): Resource {
  const lbEndpoints = Array.from({ length: endpoints }, (_, i) => ({
    healthStatus: 1,
    loadBalancingWeight: i === 0 ? (salt % 100) + 1 : 1,
    hostIdentifier: {
      case: "endpoint" as const,
      value: {
        address: {
          address: {
            case: "socketAddress" as const,
            value: { address: `10.0.${Math.floor(i / 250)}.${i % 250}`, portSpecifier: { case: "portValue" as const, value: 8080 } },
          },
        },
      },
    },
  }));
  const message = create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [{ locality: { zone: "a" }, loadBalancingWeight: 1, lbEndpoints }],
  });
  return createResource(ClusterLoadAssignmentSchema, name, message);
}
