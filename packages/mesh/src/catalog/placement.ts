/** A service's endpoints in their final order: each with its place, one per address, and what was wrong with the rest. */
import type { Problem } from "../problem.js";
import { addressOf, addressProblem, isIp } from "./address.js";
import { type Endpoint, endpointsOf } from "./endpoint.js";
import { byIdentity, type CatalogService, compareText, type Instance, keyOf, metaOf } from "./instance.js";

/** An endpoint that EDS carries. */
export interface PlacedEndpoint {
  readonly instance: Instance;
  readonly endpoint: Endpoint;
  readonly host: string;
  readonly port: number;
  /** False for a host name, which only DNS can turn into addresses. */
  readonly ip: boolean;
}

/** The endpoints of one locality; region and zone are empty where nobody named them. */
export interface LocalityEndpoints {
  readonly region: string;
  readonly zone: string;
  readonly endpoints: readonly PlacedEndpoint[];
}

/**
 * The endpoints of a service by region, zone, node and ID, whatever the order of its instances. Of several instances with one
 * address the best in health stays, the first where they are equal: Envoy and gRPC hold two endpoints with one address for a mistake.
 */
export function placeEndpoints(service: CatalogService): {
  readonly localities: readonly LocalityEndpoints[];
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const say = (code: Problem["code"], message: string) => problems.push({ code, service: service.name, message });
  const instances = [...service.instances].sort(byIdentity);
  for (const [id, nodes] of idsOnSeveralNodes(instances))
    say("duplicate-id", `ID ${id} is registered on ${nodes.join(" and ")}: both are served. Give each instance an ID of its own`);

  const endpoints = endpointsOf(service);
  const byAddress = new Map<string, PlacedEndpoint>();
  for (const instance of instances) {
    const flaw = addressProblem(instance);
    if (flaw) say("instance-address", `${keyOf(instance)} gets no traffic: its ${flaw}`);
    const endpoint = endpoints.get(instance);
    if (!endpoint || endpoint.omitted) continue;
    const { host, port } = addressOf(instance);
    const placed: PlacedEndpoint = { instance, endpoint, host, port, ip: isIp(host) };
    const address = `${host.toLowerCase()} ${port}`;
    const other = byAddress.get(address);
    if (!other) byAddress.set(address, placed);
    else {
      const [kept, left] = rank(placed) < rank(other) ? [placed, other] : [other, placed];
      byAddress.set(address, kept);
      const [a, b] = [keyOf(other.instance), keyOf(instance)];
      say(
        "duplicate-address",
        `${a} and ${b} have one address, ${host}:${port}: only ${keyOf(kept.instance)} is served. Deregister ${keyOf(left.instance)}, or give it a port of its own`,
      );
    }
  }
  return { localities: grouped([...byAddress.values()]), problems };
}

function rank(placed: PlacedEndpoint): number {
  return ["HEALTHY", "DEGRADED", "DRAINING", "UNHEALTHY"].indexOf(placed.endpoint.health);
}

function idsOnSeveralNodes(instances: readonly Instance[]): [string, string[]][] {
  const nodes = new Map<string, string[]>();
  for (const { id, node } of instances) nodes.set(id, [...(nodes.get(id) ?? []), node]);
  return [...nodes].filter(([, where]) => where.length > 1).sort(([a], [b]) => compareText(a, b));
}

function grouped(placed: readonly PlacedEndpoint[]): LocalityEndpoints[] {
  const groups = new Map<string, { region: string; zone: string; endpoints: PlacedEndpoint[] }>();
  for (const endpoint of [...placed].sort((a, b) => byIdentity(a.instance, b.instance))) {
    const { region = "", zone = "" } = metaOf(endpoint.instance);
    const key = JSON.stringify([region, zone]);
    const group = groups.get(key) ?? { region, zone, endpoints: [] };
    group.endpoints.push(endpoint);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => compareText(a.region, b.region) || compareText(a.zone, b.zone));
}
