/** The mesh of `legation dev`: Consul, a control plane, and an agent for each service file or directory. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, LegationError, messageOf } from "@legation/runtime/command-line";
import {
  type ConsulProcess,
  type ControlPlaneProcess,
  findEnvoy,
  openSandbox,
  type Sandbox,
  startConsul,
  startControlPlane,
  until,
} from "@legation/sandbox";
import { type AgentGroup, type ServingInstance, startGroup } from "./agent-group.js";
import { type DevValues, usualPorts } from "./options.js";
import type { ServiceGroup } from "./service-file.js";

/** What `startDevMesh` takes. */
export interface DevMeshRun {
  readonly values: DevValues;
  readonly groups: readonly ServiceGroup[];
  readonly clock: Clock;
  /** Each process's log file, as soon as it is known; its lines are from then on. */
  readonly onLog: (name: string, path: string) => void;
  readonly tell: (text: string) => void;
}

/** The running mesh. */
export interface DevMesh {
  readonly consul: ConsulProcess;
  readonly controlPlane: ControlPlaneProcess;
  /** The Envoy in use; undefined where none was found. */
  readonly envoy: string | undefined;
  /** Resolves when all services serve, or with those that do after `limitMs`. */
  serving(limitMs: number): Promise<readonly ServingInstance[]>;
}

const command = fileURLToPath(new URL("../../bin/legation.js", import.meta.url));

/** Opens the place for it: the directory that was named, or a temporary one. */
export function openDevSandbox({ stateDir }: DevValues): Sandbox {
  if (stateDir === undefined) return openSandbox({ name: "legation-dev" });
  mkdirSync(stateDir, { recursive: true });
  return openSandbox({ dir: resolve(stateDir) });
}

/** Starts everything; whoever opened the sandbox stops it. Throws a LegationError that says what could not be started. */
export async function startDevMesh(sandbox: Sandbox, { values, groups, clock, onLog, tell }: DevMeshRun): Promise<DevMesh> {
  const envoy = envoyOrNot(groups, tell);
  const [consulPort, apiPort, xdsPort] = [
    await portFor(sandbox, values.consulPort, usualPorts.consul, "--consul-port"),
    await portFor(sandbox, values.apiPort, usualPorts.api, "--api-port"),
    await portFor(sandbox, values.xdsPort, usualPorts.xds, "--xds-port"),
  ];
  onLog("consul", join(sandbox.dir, "log", "consul.log"));
  onLog("control-plane", join(sandbox.dir, "log", "control-plane.log"));
  for (const { label } of groups) onLog(label, join(sandbox.dir, "log", `${label}.log`));
  const consul = await startConsul(sandbox, { name: "consul", httpPort: consulPort, durable: values.stateDir !== undefined });
  const controlPlane = await startControlPlane(sandbox, {
    ...{ command, consul: consul.url, httpPort: apiPort, xdsPort },
    flags: values.policies === undefined ? [] : ["--policies", resolve(values.policies)],
  });
  const started: AgentGroup[] = [];
  // All at once: each waits for the callers' proxies, which leave as well.
  sandbox.onStop(() => Promise.all(started.map((group) => group.stop())));
  for (const group of groups)
    started.push(await startGroup({ sandbox, group, consul: consul.url, controlPlane, envoy, command, clock, tell }));
  const wanted = groups.reduce((sum, { files }) => sum + files.length, 0);
  return {
    consul,
    controlPlane,
    envoy,
    async serving(limitMs) {
      let serving: readonly ServingInstance[] = [];
      const look = async () => {
        serving = (await Promise.all(started.map((group) => group.serving()))).flat();
        return serving.length >= wanted || started.every((group) => !group.running);
      };
      await until(look, { what: "the services to serve", limitMs, clock }).catch(() => {});
      return serving;
    },
  };
}

function envoyOrNot(groups: readonly ServiceGroup[], tell: (text: string) => void): string | undefined {
  try {
    return findEnvoy().path;
  } catch (error) {
    tell(`Services run without a proxy, and nothing is called through the mesh: ${messageOf(error)}`);
    // An agent with many services takes no flag for it.
    for (const file of groups.flatMap((group) => (group.isDirectory ? group.files : [])))
      if (file.hasEnvoy) tell(`${file.path} needs one, in a directory: write envoy: { enabled: false } into it, or name the file itself`);
    return undefined;
  }
}

/** The port that was asked for, else the usual one, else any. Throws a LegationError with code `dev.port` when the one that was asked for is taken. */
async function portFor(sandbox: Sandbox, wanted: number | undefined, usual: number, flag: string): Promise<number> {
  if (wanted === undefined) return (await sandbox.ports.claim(usual)) ? usual : await sandbox.ports.free();
  if (await sandbox.ports.claim(wanted)) return wanted;
  throw new LegationError(
    "dev.port",
    `${flag}: port ${wanted} is in use by another process. Stop that, or leave the flag out for a free port`,
  );
}
