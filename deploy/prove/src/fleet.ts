/** The mesh of the proof: three services of three instances, one for each protocol, and two callers, of which one only listens to xDS. */
import {
  type ConsulProcess,
  type ControlPlaneProcess,
  type EnvoyEndpoint,
  type Sandbox,
  type ServiceProcess,
  type ServiceRun,
  startConsul,
  startControlPlane,
  startService,
  until,
} from "@legation/local";
import { type ConsulProxy, startConsulProxy } from "./consul-proxy.js";
import { allowOnly, type Identity, identityFlags, untilStrict } from "./identity.js";
import { type ProgramName, programOf } from "./services/program.js";

/** The services and how each is spoken to, end to end. */
export const departments = [
  { name: "orders", protocol: "http" },
  { name: "stock", protocol: "http2" },
  { name: "prices", protocol: "grpc" },
] as const;

/** Instances of each service. */
export const width = 3;

/** Milliseconds that each instance gives to the requests under way when it leaves: shorter than in life, so that it can be outlived. */
export const drainLimit = 4_000;

/** Milliseconds from SIGTERM to SIGKILL of a service. */
export const stopTimeout = 3_000;

/** The running mesh. */
export interface Fleet {
  readonly consul: ConsulProcess;
  /** Between Consul and all others. */
  readonly consulProxy: ConsulProxy;
  readonly controlPlane: ControlPlaneProcess;
  /** Instances number `at` of all services, `orders-1`, `stock-1` and `prices-1`. */
  rank(at: number): readonly ServiceProcess[];
  readonly all: readonly ServiceProcess[];
  /** The caller whose Envoy carries the load. */
  readonly caller: ServiceProcess;
  /** A caller of the same services that sends nothing: its Envoy has to acknowledge all the same. */
  readonly bystander: ServiceProcess;
  /** Waits until the caller's Envoy would give every instance requests. */
  untilUsable(limitMs: number): Promise<void>;
  /** The same but for instances that the caller's Envoy has ejected: they come back by time alone. */
  untilHealthy(limitMs: number): Promise<void>;
  /** Waits until every part speaks as the identity of the mesh says; nothing to wait for without one. */
  untilIdentified(): Promise<void>;
}

const concurrency = 1;

/** Starts everything. When a part does not start, the caller stops the sandbox. */
export async function startFleet(sandbox: Sandbox, progress: (done: string) => void, identity: Identity): Promise<Fleet> {
  const dependencies = departments.map(({ name }) => name);
  const consul = await startConsul(sandbox, { durable: true });
  const consulProxy = await startConsulProxy(consul.url, await sandbox.ports.free());
  sandbox.onStop(() => consulProxy.close());
  if (identity === "strict")
    await allowOnly(
      consul.url,
      ["caller", "bystander"].flatMap((from) => dependencies.map((to) => ({ from, to }))),
    );
  const controlPlane = await startControlPlane(sandbox, { consul: consulProxy.url, flags: identityFlags(sandbox, identity) });
  progress(`Consul ${consul.version} and the control plane`);
  const service = (run: Omit<ServiceRun, "consul" | "controlPlanes">): Promise<ServiceProcess> =>
    startService(sandbox, { ...run, consul: consulProxy.url, controlPlanes: [controlPlane] });
  const start = (name: ProgramName, protocol: string, at: number): Promise<ServiceProcess> =>
    service({
      name,
      id: `${name}-${at + 1}`,
      command: [process.execPath, programOf(name)],
      config: {
        protocol,
        health: { interval: "1s", timeout: "1s", failureThreshold: 2, recoveryThreshold: 1 },
        envoy: { concurrency },
        drain: { limit: `${drainLimit}ms` },
        stopTimeout: `${stopTimeout}ms`,
      },
    });
  const ranks: ServiceProcess[][] = [];
  for (let at = 0; at < width; at++) {
    ranks.push(await Promise.all(departments.map(({ name, protocol }) => start(name, protocol, at))));
    progress(departments.map(({ name }) => `${name}-${at + 1}`).join(", "));
  }
  const [caller, bystander] = await Promise.all([
    service({ name: "caller", dependencies, config: { envoy: { concurrency } } }),
    service({ name: "bystander", dependencies, config: { envoy: { concurrency } } }),
  ]);
  const untilAll = (what: string, good: (endpoint: EnvoyEndpoint) => boolean, limitMs: number): Promise<boolean> =>
    until(
      async (note) => {
        const clusters = await caller.envoy.clusters();
        note(Object.fromEntries(clusters));
        return departments.every(({ name }) => (clusters.get(name) ?? []).filter(good).length === width);
      },
      { what, limitMs },
    );
  const fleet: Fleet = {
    consul,
    consulProxy,
    controlPlane,
    rank: (at) => ranks[at % width] ?? [],
    all: ranks.flat(),
    caller,
    bystander,
    untilIdentified: async () => {
      if (identity === "strict") await untilStrict([...ranks.flat(), caller, bystander]);
    },
    untilUsable: async (limitMs) => void (await untilAll("the caller's Envoy to use every instance", (e) => e.usable, limitMs)),
    untilHealthy: async (limitMs) =>
      void (await untilAll("every instance to be healthy in the caller's Envoy", (e) => e.health === "HEALTHY", limitMs)),
  };
  await fleet.untilUsable(60_000);
  await fleet.untilIdentified();
  progress("caller, bystander");
  return fleet;
}
