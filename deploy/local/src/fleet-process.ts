/** Several services under one agent on this machine: a directory of files for the built `legation agent --all`, echo applications, and their Envoys. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type AgentReady,
  type Child,
  type ControlPlaneAddress,
  type Exit,
  findEnvoy,
  mustRun,
  readReady,
  type Sandbox,
  startAgent,
  until,
} from "@legation/sandbox";
import { createEnvoyAdmin, type EnvoyAdmin } from "./envoy-admin.js";

/** How to run a fleet. */
export interface FleetRun {
  readonly name: string;
  /** URL of Consul's API. */
  readonly consul: string;
  readonly controlPlanes: readonly ControlPlaneAddress[];
  /** By the service's name: the services that it calls, with `?` behind an optional one. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** More of each service's file. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** One service as the agent's API lists it. */
export interface FleetService {
  readonly id: string;
  readonly service: string;
  readonly layer: number;
  readonly state: string;
  readonly reason: string;
  readonly serving: boolean;
  readonly pids: { readonly app?: number; readonly envoy?: number };
  readonly dependencies: { readonly missing: readonly string[] };
}

/** A line of the agent's log. */
export interface FleetEvent {
  readonly event: string;
  readonly id?: string;
  /** RFC 3339. */
  readonly time: string;
}

/** A fleet that was prepared, whether its agent runs or not. */
export interface FleetProcess {
  /** URL of the agent's API. */
  readonly api: string;
  /** The service files. */
  readonly directory: string;
  /** The agent; another one after `start`. */
  readonly child: Child;
  /** Starts the agent once more, with the same state. */
  start(): Promise<void>;
  /** Resolves when all the named services serve; all of the fleet without names. */
  ready(...names: string[]): Promise<void>;
  /** By the service's name. */
  services(): Promise<Readonly<Record<string, FleetService>>>;
  /** Asks the agent's API, or below `/services/{id}` a service's, with the token for it; resolves to the parsed answer, whatever its status. */
  ask<T>(path: string, method?: "GET" | "POST", body?: unknown): Promise<T>;
  /** Everything logged so far. */
  events(): FleetEvent[];
  /** True lets the application exit with 3 whenever it is started from now on. */
  setDown(name: string, down: boolean): void;
  /** Where the Envoy of a service listens. */
  outbound(name: string): Promise<{ readonly url: string; readonly envoy: EnvoyAdmin }>;
  stop(): Promise<Exit>;
}

const readyLimit = 90_000;
const stopLimit = 90_000;
const echo = fileURLToPath(new URL("../dist/echo-main.js", import.meta.url));
const unlessDown = '[ -e "$DOWN" ] && exit 3; exec env OUTBOUND="$LEGATION_OUTBOUND" "$0" "$1"';

/** Writes the files and starts the agent; resolves as soon as its process runs. */
export async function startFleet(sandbox: Sandbox, run: FleetRun): Promise<FleetProcess> {
  const directory = sandbox.makeDir(`${run.name}/services`);
  const stateDir = sandbox.makeDir(`${run.name}/state`);
  const admin = `127.0.0.1:${await sandbox.ports.free()}`;
  const downFile = (name: string): string => join(sandbox.dir, run.name, `${name}.down`);
  const names = Object.keys(run.services);
  for (const [name, dependencies] of Object.entries(run.services)) {
    const port = await sandbox.ports.free();
    const config = {
      ...{ name, id: `${name}-1`, port, dependencies },
      command: ["/bin/sh", "-c", unlessDown, process.execPath, echo],
      env: { SERVICE: name, INSTANCE: `${name}-1`, DOWN: downFile(name) },
      health: { http: { path: "/health" }, interval: "1s", timeout: "1s", failureThreshold: 2, recoveryThreshold: 1 },
      heartbeat: "1s",
      drain: { wait: "200ms" },
      restart: { attempts: 1, base: "200ms" },
      ...run.config,
    };
    const lines = Object.entries(config).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    writeFileSync(join(directory, `${name}.yaml`), `${lines.join("\n")}\n`);
  }
  const start = () =>
    startAgent(sandbox, {
      ...{ name: run.name, services: { directory }, stateDir, consul: run.consul, controlPlanes: run.controlPlanes },
      ...{ admin, envoy: findEnvoy().path },
    });
  let child = await start();
  sandbox.onStop(() => child.stop(stopLimit));

  const ask = async <T>(path: string, method: "GET" | "POST" = "GET", body?: unknown): Promise<T> => {
    const id = /^\/services\/([^/]+)/.exec(path)?.[1] ?? "";
    const { token } = JSON.parse(readFileSync(join(stateDir, id, "admin.json"), "utf8")) as { token: string };
    const answer = await fetch(`http://${admin}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as T;
  };
  const services = async (): Promise<Readonly<Record<string, FleetService>>> => {
    const answer = await ask<{ services: readonly FleetService[] }>("/v1/services");
    return Object.fromEntries(answer.services.map((service) => [service.service, service]));
  };
  return {
    api: `http://${admin}`,
    directory,
    get child() {
      return child;
    },
    async start() {
      child = await start();
    },
    async ready(...wanted) {
      await until(
        async (note) => {
          mustRun(child);
          const now = await services().catch(() => undefined);
          note(now && Object.values(now).map(({ id, state, reason }) => `${id} ${state}: ${reason}`));
          return (wanted.length > 0 ? wanted : names).every((name) => now?.[name]?.serving);
        },
        { what: `${(wanted.length > 0 ? wanted : names).join(", ")} to serve`, limitMs: readyLimit },
      );
    },
    services,
    ask,
    events: () =>
      readFileSync(child.log, "utf8")
        .split("\n")
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as FleetEvent),
    setDown: (name, down) => (down ? writeFileSync(downFile(name), "") : rmSync(downFile(name), { force: true })),
    async outbound(name) {
      const ready = await readReady<AgentReady>(join(stateDir, `${name}-1`));
      if (!ready) throw new Error(`${name}-1 has no ready.json`);
      return { url: `http://${ready.outbound}`, envoy: createEnvoyAdmin(ready.envoyAdmin) };
    },
    stop: () => child.stop(stopLimit),
  };
}
