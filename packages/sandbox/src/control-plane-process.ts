/** A control plane on this machine: the built `legation control-plane` with its state in the sandbox. */
import { type Child, mustRun } from "./child.js";
import { readReady } from "./ready.js";
import type { Sandbox } from "./sandbox.js";
import { legationCommand } from "./tool.js";
import { until } from "./until.js";

/** How to run a control plane. */
export interface ControlPlaneRun {
  /** URL of Consul's API. */
  readonly consul: string;
  /** The port of the HTTP API; a free one without it. */
  readonly httpPort?: number;
  /** The port of xDS; a free one without it. */
  readonly xdsPort?: number;
  /** For its log file and state directory; `control-plane` by default. */
  readonly name?: string;
  /** The path of the `legation` command; this repository's unless given. */
  readonly command?: string;
  /** More flags behind the ones that are always given. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** File with the ACL token that it has at Consul. */
  readonly tokenFile?: string;
  /** The ACL token by which `get` asks it. */
  readonly readToken?: string;
  /** false: resolve as soon as the process runs, without waiting until it listens. */
  readonly waitReady?: boolean;
}

/** A control plane that was started. Addresses stay the same over restarts. */
export interface ControlPlaneProcess {
  /** `http://127.0.0.1:PORT` of the API. */
  readonly api: string;
  /** `127.0.0.1:PORT` of xDS. */
  readonly xds: string;
  readonly stateDir: string;
  /** Of the newest process. */
  readonly pid: number;
  readonly running: boolean;
  readonly log: string;
  /** SIGTERM, waited for. */
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** SIGSTOP: connections stay open and, once it resolves, nothing answers. `thaw` ends it. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Starts it again, after a `stop` if it runs, on the same ports and, unless `keepState` is false, with its state directory. */
  restart(options?: { readonly keepState?: boolean }): Promise<void>;
  /** The parsed answer of `GET path` on its API. Throws when the status is not 2xx. */
  get<T>(path: string): Promise<T>;
}

const startLimit = 60_000;
const stopLimit = 15_000;

/** Starts a control plane and resolves once its `ready.json` is there: xDS and the API listen. */
export async function startControlPlane(sandbox: Sandbox, run: ControlPlaneRun): Promise<ControlPlaneProcess> {
  const name = run.name ?? "control-plane";
  const http = run.httpPort ?? (await sandbox.ports.free());
  const xds = `127.0.0.1:${run.xdsPort ?? (await sandbox.ports.free())}`;
  const api = `http://127.0.0.1:${http}`;
  let stateDir = sandbox.makeDir(`${name}/state-0`);
  let generation = 0;

  const start = async (): Promise<Child> => {
    const flags = ["--xds-addr", xds, "--http-addr", `127.0.0.1:${http}`, "--state-dir", stateDir, "--consul-addr", run.consul];
    const started = await sandbox.start({
      name,
      file: process.execPath,
      args: [run.command ?? legationCommand, "control-plane", ...flags, ...(run.flags ?? [])],
      env: { ...(run.tokenFile ? { CONSUL_HTTP_TOKEN_FILE: run.tokenFile } : {}), ...run.env },
    });
    if (run.waitReady === false) return started;
    await until(
      async (note) => {
        if (started.exit) return true;
        const ready = await readReady<{ pid?: number }>(stateDir);
        note(ready ?? `no ready.json in ${stateDir}`);
        return ready?.pid === started.pid;
      },
      { what: `${name} to listen`, limitMs: startLimit },
    );
    mustRun(started);
    return started;
  };

  const headers: Record<string, string> = run.readToken ? { "x-consul-token": run.readToken } : {};
  let child = await start();
  const stop = async () => {
    child.signal("SIGCONT");
    await child.stop(stopLimit);
  };
  sandbox.onStop(stop);
  return {
    api,
    xds,
    get stateDir() {
      return stateDir;
    },
    get pid() {
      return child.pid;
    },
    get running() {
      return child.exit === undefined;
    },
    log: child.log,
    stop,
    async kill9() {
      await child.kill9();
    },
    freeze: () => child.freeze(),
    thaw: () => void child.signal("SIGCONT"),
    async restart({ keepState = true } = {}) {
      await stop();
      if (!keepState) stateDir = sandbox.makeDir(`${name}/state-${++generation}`);
      child = await start();
    },
    async get<T>(path: string) {
      const answer = await fetch(api + path, { headers, signal: AbortSignal.timeout(10_000) });
      if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
      return (await answer.json()) as T;
    },
  };
}
