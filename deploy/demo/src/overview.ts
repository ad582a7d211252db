/** What Consul, the control plane and the Envoys say of the shop at one moment. */
import type { EnvoyEndpoint, ServiceProcess } from "@legation/local";
import { type IdentityLook, identityOf } from "./identity-look.js";
import type { Shop } from "./shop.js";

/** An instance's standing in Consul; `absent` when Consul answers and does not have it, `unknown` when Consul does not answer. */
export type Standing = "passing" | "warning" | "critical" | "draining" | "absent" | "unknown";

/** One instance. */
export interface InstanceView {
  readonly id: string;
  readonly service: string;
  readonly standing: Standing;
  /** Envoys of callers that may send it requests, and how many callers there are. */
  readonly usableBy: number;
  readonly callers: number;
  /** What its registration says of mutual TLS: `accepted` or `required`; undefined without. */
  readonly tls?: string | undefined;
}

/** The whole shop. */
export interface Overview {
  readonly consul: "up" | "down";
  readonly controlPlane: "up" | "down";
  /** Envoys with an open stream to the control plane, of those that run. */
  readonly connected: number;
  readonly envoys: number;
  readonly instances: readonly InstanceView[];
  /** Undefined in a shop without identity. */
  readonly identity?: IdentityLook | undefined;
}

interface HealthRow {
  readonly Service: { readonly ID: string; readonly Meta: Readonly<Record<string, string>> | null };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[];
}

/** Looks once. Whatever does not answer is shown as down or unknown; never rejects. */
export async function lookAt(shop: Shop): Promise<Overview> {
  const { consul, controlPlane } = shop.mesh;
  const running = shop.instances();
  const [rows, api, proxies, identity] = await Promise.all([
    Promise.all(shop.departments.map(({ name }) => consul.get<HealthRow[]>(`/v1/health/service/${name}?stale`))).catch(() => undefined),
    answers(`${controlPlane.api}/health`),
    Promise.all(running.map(proxyOf)),
    shop.identity === "off" ? undefined : identityOf(running),
  ]);
  const found = new Map(rows?.flat().map((row) => [row.Service.ID, row]));
  return {
    consul: rows ? "up" : "down",
    controlPlane: api ? "up" : "down",
    connected: proxies.filter((proxy) => proxy?.connected).length,
    envoys: running.length,
    instances: inOrder(shop).map((service) => {
      const row = found.get(service.id);
      return {
        id: service.id,
        service: service.name,
        standing: rows ? (row ? standingOf(row) : "absent") : "unknown",
        tls: row?.Service.Meta?.["legation-tls"],
        ...use(shop, service, running, proxies),
      };
    }),
    identity,
  };
}

/** Callers before those whom they call, as requests go. */
function inOrder({ mesh, departments }: Shop): ServiceProcess[] {
  const sorted = [...mesh.services.values()].sort((a, b) => a.id.localeCompare(b.id));
  return [...departments].reverse().flatMap(({ name }) => sorted.filter((service) => service.name === name));
}

/** The instances whose services call that one. */
export function callersOf({ departments }: Shop, service: string, running: readonly ServiceProcess[]): readonly ServiceProcess[] {
  const callers = departments.filter((d) => d.dependencies.some((name) => name.replace("?", "") === service)).map((d) => d.name);
  return running.filter((one) => callers.includes(one.name));
}

/** The endpoint at which callers reach an instance, in their clusters. */
export function endpointOf(service: ServiceProcess, clusters: ReadonlyMap<string, readonly EnvoyEndpoint[]>): EnvoyEndpoint | undefined {
  return clusters.get(service.name)?.find((endpoint) => endpoint.address === new URL(service.inbound).host);
}

type Clusters = ReadonlyMap<string, readonly EnvoyEndpoint[]>;
interface Proxy {
  readonly id: string;
  readonly connected: boolean;
  readonly clusters: Clusters;
}

async function proxyOf({ id, envoy }: ServiceProcess): Promise<Proxy | undefined> {
  try {
    const [clusters, stats] = await Promise.all([envoy.clusters(), envoy.stats("^control_plane\\.connected_state$")]);
    return { id, clusters, connected: stats["control_plane.connected_state"] === 1 };
  } catch {
    return undefined;
  }
}

function use(shop: Shop, service: ServiceProcess, running: readonly ServiceProcess[], proxies: readonly (Proxy | undefined)[]) {
  const callers = callersOf(shop, service.name, running).map(({ id }) => id);
  const usable = proxies.filter((proxy) => proxy && callers.includes(proxy.id) && endpointOf(service, proxy.clusters)?.usable);
  return { usableBy: usable.length, callers: callers.length };
}

function standingOf({ Checks }: HealthRow): Standing {
  if (Checks.some((check) => check.CheckID.startsWith("_service_maintenance:"))) return "draining";
  for (const status of ["critical", "warning"] as const) if (Checks.some((check) => check.Status === status)) return status;
  return "passing";
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await answer.text();
    return true;
  } catch {
    return false;
  }
}
