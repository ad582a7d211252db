/** One instance of a service on this machine: the built `legation agent`, the application that it runs, and its Envoy. */
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type AgentReady,
  type Child,
  type ControlPlaneAddress,
  findEnvoy,
  identify,
  mustRun,
  type ProcessIdentity,
  readReady,
  type Sandbox,
  signal,
  startAgent,
  until,
} from "@legation/sandbox";
import { createEnvoyAdmin, type EnvoyAdmin } from "./envoy-admin.js";

/** How to run an instance. What is not given is chosen so that changes are seen quickly. */
export interface ServiceRun {
  readonly name: string;
  /** Unique in the sandbox; a second start of one id has the same ports and the same state directory. `<name>-1` by default. */
  readonly id?: string;
  /** URL of Consul's API. */
  readonly consul: string;
  readonly controlPlanes: readonly ControlPlaneAddress[];
  /** Names of services that it calls, with `?` behind an optional one. */
  readonly dependencies?: readonly string[];
  /**
   * The application's command; it gets `PORT`, `SERVICE`, `INSTANCE` and `OUTBOUND` (the URL of its Envoy's outbound listener) in its
   * environment and answers `GET /health`. By default the echo application.
   */
  readonly command?: readonly string[];
  /** More for the application's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The port of Envoy's inbound listener; a free one without it. */
  readonly inboundPort?: number;
  /** The application's port; a free one without it. */
  readonly appPort?: number;
  /** More of the agent's configuration file; its keys replace the ones written by default. `null` leaves a key out. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly flags?: readonly string[];
  /** File with the ACL token that its agent has at Consul. */
  readonly tokenFile?: string;
  /** false: resolve as soon as the agent's process runs, without waiting for `ready.json`. */
  readonly waitReady?: boolean;
}

/** The parts of an instance. */
export type Part = "agent" | "app" | "envoy";

/** An answer of the agent's API. */
export interface AgentAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** An instance that was started. Its addresses stay the same over restarts. */
export interface ServiceProcess {
  readonly name: string;
  readonly id: string;
  /** `http://127.0.0.1:PORT` of the application itself. */
  readonly app: string;
  /** `http://127.0.0.1:PORT` of Envoy's inbound listener. */
  readonly inbound: string;
  /** `http://127.0.0.1:PORT` of Envoy's outbound listener. */
  readonly outbound: string;
  /** `http://127.0.0.1:PORT` of the agent's admin API. */
  readonly agent: string;
  readonly envoy: EnvoyAdmin;
  readonly stateDir: string;
  readonly configFile: string;
  /** The agent's log; the application's and Envoy's are in the state directory. */
  readonly log: string;
  /** Whether the agent runs. */
  readonly running: boolean;
  /** Asks the agent's API with its token; resolves to the parsed answer, whatever its status. */
  ask<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<AgentAnswer<T>>;
  /** As `ready.json` says now. Throws when the agent is not ready. */
  pids(): Promise<Readonly<Record<Part, number>>>;
  /** Waits for the newest agent's `ready.json`. Throws when it ends before, with the end of its log. */
  ready(): Promise<AgentReady>;
  /** SIGTERM to the agent, which takes application and Envoy along; waited for. Resolves with the agent's exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL to one part, or to all three at once as when a machine dies. Resolves with the time, by `performance.now()`, of the kill. */
  kill9(what: Part | "all"): Promise<number>;
  /** SIGKILL to one part where it runs, by the agent's records, also while it starts or stops. Returns false when there is no such process. */
  killIfAlive(part: Part): Promise<boolean>;
  /** Starts the agent again with the same configuration and state directory, without stopping what an earlier one left running. */
  restart(options?: { readonly waitReady?: boolean }): Promise<void>;
}

const readyLimit = 60_000;
const stopLimit = 75_000;
const askLimit = 60_000;
const echo = fileURLToPath(new URL("../dist/echo-main.js", import.meta.url));

/** Writes the agent's configuration, starts the agent, and resolves once the instance is registered and passing. */
export async function startService(sandbox: Sandbox, run: ServiceRun): Promise<ServiceProcess> {
  const id = run.id ?? `${run.name}-1`;
  const port = () => sandbox.ports.free();
  const local = (at: number) => `127.0.0.1:${at}`;
  const [outbound, admin, envoyAdmin] = [await port(), await port(), await port()];
  const app = run.appPort ?? (await port());
  const inbound = run.inboundPort ?? (await port());
  const stateDir = sandbox.makeDir(`agents/${id}`);
  const configFile = join(stateDir, "service.yaml");
  const config: Record<string, unknown> = {
    name: run.name,
    id,
    version: "1.0.0",
    host: "127.0.0.1",
    port: app,
    protocol: "http",
    dependencies: run.dependencies ?? [],
    command: run.command ?? [process.execPath, echo],
    env: { PORT: String(app), SERVICE: run.name, INSTANCE: id, OUTBOUND: `http://${local(outbound)}`, ...run.env },
    health: { http: { path: "/health" }, interval: "1s", timeout: "1s", failureThreshold: 2, recoveryThreshold: 1 },
    heartbeat: "1s",
    deregisterAfter: "1m",
    ...run.config,
  };
  // JSON is YAML, and every value stands on a line of its own.
  const written = Object.entries(config).filter(([, value]) => value !== null);
  writeFileSync(configFile, `${written.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join("\n")}\n`);
  const start = () =>
    startAgent(sandbox, {
      ...{ name: id, services: { file: configFile }, stateDir, consul: run.consul, controlPlanes: run.controlPlanes },
      ...{ admin: local(admin), inbound: local(inbound), outbound: local(outbound), envoyAdmin: local(envoyAdmin) },
      ...{ flags: run.flags ?? [], envoy: findEnvoy().path, tokenFile: run.tokenFile },
    });

  let child: Child = await start();
  const readyNow = async (): Promise<AgentReady | undefined> => {
    const ready = await readReady<AgentReady>(stateDir);
    return ready?.pids.agent === child.pid ? ready : undefined;
  };
  const ready = async (): Promise<AgentReady> => {
    const found = await until(
      async (note) => {
        if (child.exit) return "ended" as const;
        note(`no ready.json in ${stateDir}; the agent's log ends with:\n${child.tail(8)}`);
        return readyNow();
      },
      { what: `${id} to be registered and passing`, limitMs: readyLimit },
    );
    mustRun(child);
    if (found === "ended") throw new Error(`${id} ended`);
    return found;
  };
  const stop = async () => (await child.stop(stopLimit)).code;
  sandbox.onStop(stop);
  const service: ServiceProcess = {
    name: run.name,
    id,
    app: `http://${local(app)}`,
    inbound: `http://${local(inbound)}`,
    outbound: `http://${local(outbound)}`,
    agent: `http://${local(admin)}`,
    envoy: createEnvoyAdmin(local(envoyAdmin)),
    stateDir,
    configFile,
    log: child.log,
    get running() {
      return child.exit === undefined;
    },
    ready,
    stop,
    async ask<T>(method: "GET" | "POST", path: string, body?: unknown) {
      const { token } = JSON.parse(readFileSync(join(stateDir, "admin.json"), "utf8")) as { token: string };
      const answer = await fetch(`http://${local(admin)}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(askLimit),
      });
      return { status: answer.status, body: (await answer.json()) as T };
    },
    async pids() {
      const found = await readReady<AgentReady>(stateDir);
      if (!found) throw new Error(`${id} has no ready.json`);
      return { agent: child.pid, app: found.pids.app ?? 0, envoy: found.pids.envoy ?? 0 };
    },
    async kill9(what) {
      const pids = await service.pids();
      const targets = (what === "all" ? (["agent", "envoy", "app"] as const) : [what]).map((part) => identify(pids[part]));
      const at = performance.now();
      for (const target of targets) if (target) signal(target, "SIGKILL");
      if (what === "agent" || what === "all") await child.exited;
      return at;
    },
    async killIfAlive(part) {
      const target = part === "agent" ? child.identity : await recorded(join(stateDir, `${part}.json`));
      const killed = target !== undefined && signal(target, "SIGKILL");
      if (killed && part === "agent") await child.exited;
      return killed;
    },
    async restart({ waitReady = true } = {}) {
      if (child.exit === undefined) throw new Error(`${id}'s agent still runs: stop or kill it first`);
      child = await start();
      if (waitReady) await ready();
    },
  };
  if (run.waitReady !== false) await ready();
  return service;
}

/** The process that an agent has written down, or undefined while there is none. */
async function recorded(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const { pid, startTime } = JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
    return { pid, startTime };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
