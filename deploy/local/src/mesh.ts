/** A whole mesh on this machine: one Consul, one control plane, and as many instances as wanted. */
import {
  type ConsulProcess,
  type ConsulRun,
  type ControlPlaneProcess,
  type ControlPlaneRun,
  openSandbox,
  type Sandbox,
  startConsul,
  startControlPlane,
  type TetherResult,
} from "@legation/sandbox";
import { type Acl, startAcl } from "./acl.js";
import { type ServiceProcess, type ServiceRun, startService } from "./service-process.js";

/** How to start a mesh. */
export interface MeshRun {
  /** An open sandbox to run in; a new one without it. */
  readonly sandbox?: Sandbox;
  /** With `acl`, every part gets a token with the least that it needs: the policies of deploy/acl. */
  readonly consul?: ConsulRun;
  readonly controlPlane?: Omit<ControlPlaneRun, "consul">;
}

/** A running mesh. */
export interface Mesh {
  readonly sandbox: Sandbox;
  readonly consul: ConsulProcess;
  /** The tokens; undefined without ACLs. */
  readonly acl: Acl | undefined;
  readonly controlPlane: ControlPlaneProcess;
  /** Every instance that was started, by id, whether it still runs or not. */
  readonly services: ReadonlyMap<string, ServiceProcess>;
  /** Starts an instance that uses this Consul and this control plane. */
  startService(run: Omit<ServiceRun, "consul" | "controlPlanes"> & Partial<Pick<ServiceRun, "controlPlanes">>): Promise<ServiceProcess>;
  /** Stops instances, control plane and Consul, the latest first; then as `Sandbox.stop`. */
  stop(): Promise<TetherResult>;
}

/** Starts Consul and a control plane. When one does not start, all is stopped before the error is thrown. */
export async function startMesh({
  sandbox = openSandbox(),
  consul: consulRun,
  controlPlane: controlPlaneRun,
}: MeshRun = {}): Promise<Mesh> {
  try {
    const consul = await startConsul(sandbox, consulRun);
    const acl = await startAcl(sandbox, consul);
    const tokens = acl ? { tokenFile: await acl.tokenFile("control-plane"), readToken: await acl.token("operator-read") } : {};
    const controlPlane = await startControlPlane(sandbox, { ...tokens, ...controlPlaneRun, consul: consul.url });
    const services = new Map<string, ServiceProcess>();
    return {
      sandbox,
      consul,
      acl,
      controlPlane,
      services,
      async startService(run) {
        const token = acl ? { tokenFile: await acl.tokenFile("agent", run.name) } : {};
        const service = await startService(sandbox, { controlPlanes: [controlPlane], ...token, ...run, consul: consul.url });
        services.set(service.id, service);
        return service;
      },
      stop: () => sandbox.stop(),
    };
  } catch (error) {
    await sandbox.stop();
    throw error;
  }
}
