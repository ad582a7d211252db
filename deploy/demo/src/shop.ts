/** The mesh of the demo: Consul, the control plane, and a small shop of three services, each instance with its agent and Envoy. */
import { fileURLToPath } from "node:url";
import { type Mesh, openSandbox, type Sandbox, type ServiceProcess, startMesh } from "@legation/local";
import { type Identity, writeIntentions } from "./identity.js";

/** One service of the shop. */
export interface Department {
  readonly name: string;
  readonly instances: number;
  readonly dependencies: readonly string[];
}

/** Who calls nobody comes first: the order of the start; the end goes the other way. */
const departments: readonly Department[] = [
  { name: "payments", instances: 2, dependencies: [] },
  { name: "orders", instances: 3, dependencies: ["payments"] },
  { name: "web", instances: 1, dependencies: ["orders"] },
];

/** Where visitors have no certificate, but web asks for one: they come through this door. It may call web, and has no business with payments. */
const gate: Department = { name: "gate", instances: 1, dependencies: ["web", "payments?"] };

/** The ports that a person would expect; taken ones are replaced by free ones. */
export interface ShopPorts {
  readonly consul?: number;
  readonly api?: number;
  readonly xds?: number;
  readonly web?: number;
}

/** A running shop. */
export interface Shop {
  readonly mesh: Mesh;
  /** In the order of their start. */
  readonly departments: readonly Department[];
  /** Where the policy shall lead: the story ends there. */
  readonly identity: Identity;
  /** Where visitors go: `web` through its Envoy; with an identity the gate, which calls `web` through its own. */
  readonly web: string;
  /** The instances that run, in the order of their start. */
  instances(name?: string): readonly ServiceProcess[];
  instance(id: string): ServiceProcess;
  /** Starts one more instance, such as `orders-4`. Resolves once it is registered and passing. */
  open(name: string, id: string): Promise<ServiceProcess>;
  /** Stops every instance, callers before those whom they call. */
  close(): Promise<void>;
}

/** Tells how far the start is: one short sentence per step. */
export type Progress = (done: string) => void;

/** A machine that is busy with something else must not make an application look ill. One that dies is seen by its end. */
const patient = { http: { path: "/health" }, interval: "1s", timeout: "10s", failureThreshold: 6, recoveryThreshold: 1 };

const program = (name: string) => fileURLToPath(new URL(`./services/${name}-main.js`, import.meta.url));

/** Opens the place for the shop; everything in it ends with this process at the latest. */
export function openShopSandbox(): Sandbox {
  return openSandbox({ name: "legation-demo" });
}

/**
 * Starts everything; `Sandbox.stop` stops it, callers before those whom they call. When a part does not start, the caller stops the
 * sandbox.
 */
export async function startShop(sandbox: Sandbox, ports: ShopPorts, identity: Identity, progress: Progress): Promise<Shop> {
  const hasIdentity = identity !== "off";
  const all = hasIdentity ? [...departments, gate] : departments;
  const mesh = await startMesh({
    sandbox,
    consul: { ...(ports.consul ? { httpPort: ports.consul } : {}), ...(hasIdentity ? { acl: true, durable: true } : {}) },
    controlPlane: { ...(ports.api ? { httpPort: ports.api } : {}), ...(ports.xds ? { xdsPort: ports.xds } : {}) },
  });
  progress(`Consul ${mesh.consul.version}${hasIdentity ? " with ACLs and default deny" : ""}, and the control plane`);
  if (hasIdentity) progress(`intentions: ${await writeIntentions(mesh.consul)}`);

  const door = hasIdentity ? gate.name : "web";
  const open = (name: string, id: string): Promise<ServiceProcess> =>
    mesh.startService({
      name,
      id,
      command: [process.execPath, program(name)],
      config: { envoy: { concurrency: 1 }, health: patient },
      dependencies: all.find((d) => d.name === name)?.dependencies ?? [],
      ...(name === door && ports.web ? { [hasIdentity ? "appPort" : "inboundPort"]: ports.web } : {}),
    });
  const instances = (name?: string) => [...mesh.services.values()].filter((s) => s.running && (name === undefined || s.name === name));
  const instance = (id: string): ServiceProcess => {
    const found = mesh.services.get(id);
    if (!found) throw new Error(`${id} was never started`);
    return found;
  };

  const closeDepartment = (name: string) => Promise.all(instances(name).map((service) => service.stop()));

  for (const { name, instances: count } of all) {
    const ids = Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
    await Promise.all(ids.map((id) => open(name, id)));
    sandbox.onStop(() => closeDepartment(name));
    progress(ids.join(", "));
  }

  return {
    mesh,
    departments: all,
    identity,
    web: hasIdentity ? instance("gate-1").app : instance("web-1").inbound,
    instances,
    instance,
    open,
    async close() {
      for (const { name } of [...all].reverse()) await closeDepartment(name);
    },
  };
}
