/** What every system test starts from: a mesh of real parts that ends with the test, and the questions asked of it. */
import {
  type ConsulVersion,
  findConsul,
  httpSender,
  type Load,
  type Mesh,
  type MeshRun,
  type ServiceProcess,
  startLoad,
  startMesh,
  until,
} from "@legation/local";
import { afterAll, beforeAll } from "vitest";

/** Long enough for a machine that is busy with other tests. */
export const limitMs = 60_000;

/** The Consul versions that can be had here: the pinned one, and the oldest supported. */
export const consulVersions: readonly ConsulVersion[] = (["1.19.2", "1.8.7"] as const).filter((wanted) => {
  try {
    return findConsul({ wanted }).version === wanted;
  } catch {
    return false;
  }
});

/** Starts a mesh before the tests of a block, and `build` whatever they share; stops everything after them. */
export function useMesh<T>(run: MeshRun | (() => MeshRun), build: (mesh: Mesh) => Promise<T>): () => { mesh: Mesh } & T {
  let state: ({ mesh: Mesh } & T) | undefined;
  let mesh: Mesh | undefined;
  beforeAll(async () => {
    mesh = await startMesh(typeof run === "function" ? run() : run);
    state = { mesh, ...(await build(mesh)) };
  });
  afterAll(async () => {
    const result = await mesh?.stop();
    if (result?.survivors.length) throw new Error(`processes outlived the mesh: ${result.survivors.join(", ")}`);
  });
  return () => {
    if (!state) throw new Error("the mesh did not start");
    return state;
  };
}

/** Constant load on `service` through the caller's Envoy, open-loop. */
export function load(caller: ServiceProcess, service: string, rate = 100, path = "/"): Load {
  return startLoad({ sender: httpSender({ url: `${caller.outbound}${path}`, headers: { host: service } }), rate });
}

/** The address of an instance's Envoy as it stands in other Envoys' clusters. */
export function inboundOf(instance: ServiceProcess): string {
  return instance.inbound.replace("http://", "");
}

/** The addresses of `service` that the caller's Envoy would send a request to now. */
export async function usableAt(caller: ServiceProcess, service: string): Promise<string[]> {
  const endpoints = (await caller.envoy.clusters()).get(service) ?? [];
  return endpoints.filter((e) => e.usable).map((e) => e.address);
}

/**
 * Waits until the control plane's word in the caller's Envoy is HEALTHY for exactly these instances. An instance that failed requests
 * before may still be ejected by that Envoy until its recovery timeout ends: that is the circuit breaker's business.
 */
export async function untilHealthy(caller: ServiceProcess, service: string, instances: readonly ServiceProcess[]): Promise<void> {
  const wanted = instances.map(inboundOf).sort().join();
  await until(
    async (note) => {
      const endpoints = (await caller.envoy.clusters()).get(service) ?? [];
      note(endpoints);
      return (
        endpoints
          .filter((e) => e.health === "HEALTHY")
          .map((e) => e.address)
          .sort()
          .join() === wanted
      );
    },
    { what: `${caller.id}'s Envoy to hold ${wanted || "no instance"} of ${service} as healthy`, limitMs },
  );
}

/** Waits until the caller's Envoy would use exactly these instances of `service`. */
export async function untilUsable(caller: ServiceProcess, service: string, instances: readonly ServiceProcess[]): Promise<void> {
  const wanted = instances.map(inboundOf).sort();
  await until(
    async (note) => {
      const usable = (await usableAt(caller, service)).sort();
      note(usable);
      return usable.join() === wanted.join();
    },
    { what: `${caller.id}'s Envoy to use ${wanted.join(", ") || "no instance"} of ${service}`, limitMs },
  );
}

/** Makes an echo instance answer as asked; see @legation/local's echo application. */
export async function control(
  instance: ServiceProcess,
  body: { health?: number; document?: Readonly<Record<string, unknown>>; status?: number; delayMs?: number; hang?: boolean },
): Promise<void> {
  const answer = await fetch(`${instance.app}/control`, { method: "PUT", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`PUT /control of ${instance.id}: ${answer.status}`);
}

/** What Consul holds of one instance: its row, or undefined. */
export interface HealthRow {
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: readonly string[];
    readonly Meta: Readonly<Record<string, string>>;
    readonly Weights: { readonly Passing: number; readonly Warning: number };
    readonly TaggedAddresses?: Readonly<Record<string, { readonly Address: string; readonly Port: number }>>;
  };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string }[];
}

/** Consul's row of an instance, with its checks. */
export async function rowOf(mesh: Mesh, service: string, id: string): Promise<HealthRow | undefined> {
  const rows = await mesh.consul.get<HealthRow[]>(`/v1/health/service/${service}`);
  return rows.find((row) => row.Service.ID === id);
}

/** True when every check of an instance passes in Consul. */
export async function passing(mesh: Mesh, service: string, id: string): Promise<boolean> {
  const row = await rowOf(mesh, service, id);
  return row?.Checks.every((check) => check.Status === "passing") ?? false;
}
