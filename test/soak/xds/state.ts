/** The state that the soak's server serves: clusters that come, change and go, with endpoints, listeners and routes, in a few zones. */
import { create } from "@bufbuild/protobuf";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { createResource, type Resource, type ResourceCache, TypeUrl } from "@legation/xds";

/** Zones; each has a layer of its own over the layer of all. */
export const zones = 3;
const clusterPool = 60;
const listeners = 4;

/** Versions by type URL and name: what a client of one zone has to hold. */
export type Versions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A layer list of the node with this id, which ends in its number. */
export function layersOf(node: string): string[] {
  return ["all", `zone-${Number(/\d+$/.exec(node)?.[0] ?? 0) % zones}`];
}

/** Fills the cache. */
export function fill(cache: ResourceCache): void {
  const all: Resource[] = [];
  for (let i = 0; i < clusterPool; i += 1) all.push(cluster(i, 1), assignment(i, 1));
  for (let i = 0; i < listeners; i += 1) all.push(listener(`listener-${i}`, 0), route(i, 0));
  cache.replace("all", all);
  for (let zone = 0; zone < zones; zone += 1) cache.replace(`zone-${zone}`, [listener("listener-zone", zone), route("zone", zone)]);
}

/** Makes one change: mostly of endpoints, now and then of everything else. `serial` differs in each. */
export function change(cache: ResourceCache, random: () => number, serial: number): void {
  const i = Math.floor(random() * clusterPool);
  const exists = cache.layer("all")?.get(TypeUrl.cluster)?.has(`cluster-${i}`);
  const kind = random();
  if (!exists) cache.patch("all", { set: [cluster(i, serial), assignment(i, serial)] });
  else if (kind < 0.7) cache.patch("all", { set: [assignment(i, serial)] });
  else if (kind < 0.78) cache.patch("all", { set: [cluster(i, serial)] });
  else if (kind < 0.86)
    cache.patch("all", { remove: [TypeUrl.cluster, TypeUrl.endpoint].map((typeUrl) => ({ typeUrl, name: `cluster-${i}` })) });
  else if (kind < 0.92) cache.patch("all", { set: [listener(`listener-${i % listeners}`, serial)] });
  else if (kind < 0.96) cache.patch(`zone-${i % zones}`, { set: [route("zone", serial)] });
  else cache.patch("all", { set: [route(i % listeners, serial)] });
}

/** What the clients of each zone have to hold now. */
export function versions(cache: ResourceCache): Versions[] {
  return Array.from({ length: zones }, (_, zone) => {
    const result: Record<string, Record<string, string>> = {};
    for (const name of layersOf(`${zone}`))
      for (const [typeUrl, byName] of cache.layer(name) ?? []) {
        result[typeUrl] ??= {};
        for (const resource of byName.values()) Object.assign(result[typeUrl], { [resource.name]: resource.version });
      }
    return result;
  });
}

function cluster(i: number, serial: number): Resource {
  const name = `cluster-${i}`;
  const message = create(ClusterSchema, {
    name,
    connectTimeout: { seconds: BigInt(serial) },
    clusterDiscoveryType: { case: "type", value: 3 },
    edsClusterConfig: { edsConfig: { resourceApiVersion: 2, configSourceSpecifier: { case: "ads", value: {} } } },
  });
  return createResource(ClusterSchema, name, message);
}

function assignment(i: number, serial: number): Resource {
  const name = `cluster-${i}`;
  const address = (host: number) => ({
    case: "socketAddress" as const,
    value: { address: `10.0.${i}.${host}`, portSpecifier: { case: "portValue" as const, value: serial % 65_536 } },
  });
  const lbEndpoints = Array.from({ length: 1 + (serial % 8) }, (_, host) => ({
    hostIdentifier: { case: "endpoint" as const, value: { address: { address: address(host) } } },
  }));
  const message = create(ClusterLoadAssignmentSchema, { clusterName: name, endpoints: [{ locality: { zone: "a" }, lbEndpoints }] });
  return createResource(ClusterLoadAssignmentSchema, name, message);
}

function listener(name: string, serial: number): Resource {
  return createResource(ListenerSchema, name, create(ListenerSchema, { name, statPrefix: `serial-${serial}` }));
}

function route(of: number | string, serial: number): Resource {
  const name = `route-${of}`;
  const message = create(RouteConfigurationSchema, { name, requestHeadersToRemove: [`x-serial-${serial}`] });
  return createResource(RouteConfigurationSchema, name, message);
}
