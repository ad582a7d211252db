/** Consul on this machine: a server of its own on loopback, which can be stopped, killed and started again on the same ports. */
import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, mustRun } from "./child.js";
import type { Sandbox } from "./sandbox.js";
import { type ConsulVersion, findConsul } from "./tool.js";
import { until } from "./until.js";

/** How to run Consul. */
export interface ConsulRun {
  /** Exactly this version; without it, the one that is found first. */
  readonly version?: ConsulVersion;
  /** Keeps its data on disk, so that `restart` can keep them; without it Consul runs in its dev mode, in memory. */
  readonly durable?: boolean;
  /** The port of the HTTP API; a free one without it. */
  readonly httpPort?: number;
  /** More of Consul's own configuration, such as `acl`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** With ACLs on, nothing allowed by default, and a management token; see `startAcl` for the tokens of the parts. */
  readonly acl?: boolean;
  /** For its log file and directory; `consul-PORT` by default. */
  readonly name?: string;
  /** The name of its node; `legation-local` by default. */
  readonly node?: string;
}

/** A Consul that was started. */
export interface ConsulProcess {
  /** `http://127.0.0.1:PORT`, the same for its whole life. */
  readonly url: string;
  readonly version: string;
  readonly node: string;
  /** The token that may do everything; undefined without ACLs. */
  readonly managementToken: string | undefined;
  /** The web UI, where the binary has one. */
  readonly ui: string | undefined;
  /** Of the newest process. */
  readonly pid: number;
  readonly running: boolean;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** SIGSTOP: connections stay open and, once it resolves, nothing answers. `thaw` ends it. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Starts it again on the same ports, stopping it first if it runs. `keepData: true` needs `durable`. Resolves when it has a leader. */
  restart(options: { readonly keepData: boolean }): Promise<void>;
  /** Reads the HTTP API, with ACLs by the management token: the parsed answer of `GET path`. Throws when the status is not 2xx. */
  get<T>(path: string): Promise<T>;
}

const startLimit = 60_000;
const stopLimit = 10_000;

/** Starts Consul and resolves once it has a leader and knows its own node. */
export async function startConsul(sandbox: Sandbox, run: ConsulRun = {}): Promise<ConsulProcess> {
  const tool = findConsul(run.version ? { wanted: run.version } : {});
  const http = run.httpPort ?? (await sandbox.ports.free());
  const [server, serf] = [await sandbox.ports.free(), await sandbox.ports.free()];
  const url = `http://127.0.0.1:${http}`;
  const node = run.node ?? "legation-local";
  const name = run.name ?? `consul-${http}`;
  const dir = sandbox.makeDir(name);
  const data = join(dir, "data");
  const hasGrpcTls = !tool.version.startsWith("1.8.");
  const managementToken = run.acl ? randomUUID() : undefined;
  const config = {
    node_name: node,
    bind_addr: "127.0.0.1",
    client_addr: "127.0.0.1",
    log_level: "warn",
    disable_update_check: true,
    ui_config: { enabled: true },
    connect: { enabled: true },
    performance: { raft_multiplier: 1 },
    ports: { http, server, serf_lan: serf, serf_wan: -1, dns: -1, https: -1, grpc: -1, ...(hasGrpcTls ? { grpc_tls: -1 } : {}) },
    ...(run.durable ? { server: true, bootstrap_expect: 1, data_dir: data } : {}),
    ...(managementToken ? { acl: aclConfig(managementToken, tool.version) } : {}),
    ...run.config,
  };
  const headers: Record<string, string> = managementToken ? { "x-consul-token": managementToken } : {};
  if (!hasGrpcTls) Object.assign(config, { ui: true, ui_config: undefined });
  const file = join(dir, "consul.json");
  writeFileSync(file, JSON.stringify(config, undefined, 2));

  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(url + path, { headers, signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
    return (await answer.json()) as T;
  };
  const start = async (): Promise<Child> => {
    const args = ["agent", ...(run.durable ? [] : ["-dev"]), "-config-file", file];
    const started = await sandbox.start({ name, file: tool.path, args });
    await until(
      async (note) => {
        if (started.exit) return true;
        note(`no leader on ${url}`);
        if (!(await get<string>("/v1/status/leader"))) return false;
        const nodes = await fetch(`${url}/v1/catalog/nodes`, { headers });
        // With ACLs of its own configuration, nobody here has a token; with those of `acl`, the management token comes with the leader.
        if (nodes.status === 403) return managementToken === undefined;
        return nodes.ok && ((await nodes.json()) as unknown[]).length > 0;
      },
      { what: "Consul to have a leader", limitMs: startLimit },
    );
    mustRun(started);
    return started;
  };

  let child = await start();
  const stop = async () => {
    child.signal("SIGCONT");
    await child.stop(stopLimit);
  };
  sandbox.onStop(stop);
  const ui = await fetch(`${url}/ui/`).then(
    (answer) => (answer.ok ? `${url}/ui/` : undefined),
    () => undefined,
  );
  return {
    url,
    version: tool.version,
    node,
    managementToken,
    ui,
    get pid() {
      return child.pid;
    },
    get running() {
      return child.exit === undefined;
    },
    stop,
    async kill9() {
      await child.kill9();
    },
    freeze: () => child.freeze(),
    thaw: () => void child.signal("SIGCONT"),
    async restart({ keepData }) {
      await stop();
      if (!keepData) rmSync(data, { recursive: true, force: true });
      else if (!run.durable) throw new Error("Consul in dev mode keeps nothing: start it with durable: true");
      child = await start();
    },
    get,
  };
}

/** The agent's own token is what lets Consul write its own node. */
function aclConfig(token: string, version: string): Readonly<Record<string, unknown>> {
  const management = version.startsWith("1.8.") ? "master" : "initial_management";
  return { enabled: true, default_policy: "deny", tokens: { [management]: token, agent: token } };
}
