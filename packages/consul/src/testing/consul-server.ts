/** A real Consul for tests and benches: on loopback, on free ports, and gone when the process that started it is. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const testedVersions = ["1.19.2", "1.8.7"] as const;

/** A version that Legation is tested with. */
export type ConsulVersion = (typeof testedVersions)[number];

/** The newest and the oldest version that Legation is tested with, as far as they are on this machine; the newest first. */
export const consulVersions: readonly ConsulVersion[] = testedVersions.filter(isHere);

/** The first of `consulVersions`. Throws when none is on this machine. */
export function newestConsul(): ConsulVersion {
  const [newest] = consulVersions;
  if (!newest) throw new Error('no Consul to test with is on this machine: run "npm run setup -- --consul-both"');
  return newest;
}

/** How to run it. */
export interface ConsulServerOptions {
  readonly version: ConsulVersion;
  /** Data on disk, so that `restart({ keepData: true })` finds them again. Default false: in memory. */
  readonly durable?: boolean;
  /** More of Consul's own configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A running Consul. */
export interface ConsulServer {
  /** `http://127.0.0.1:PORT`, the same after a restart. */
  readonly url: string;
  readonly version: ConsulVersion;
  readonly pid: number;
  /** Ends it at once and removes its files. */
  stop(): Promise<void>;
  /** SIGKILL; its files stay. */
  kill(): Promise<void>;
  /** Starts it again on the same ports; resolves when it has a leader. */
  restart(options: { keepData: boolean }): Promise<void>;
}

/** Starts Consul and resolves once it has a leader and lists itself. Throws with where it looked when the version is not on this machine. */
export async function startConsulServer(options: ConsulServerOptions): Promise<ConsulServer> {
  const binary = findConsulBinary(options.version);
  const dir = mkdtempSync(join(tmpdir(), "consul-"));
  const [http, server, serf] = await freePorts(3);
  const url = `http://127.0.0.1:${http}`;
  const file = join(dir, "consul.json");
  const data = join(dir, "data");
  const modern = options.version !== "1.8.7";
  const config = {
    node_name: "test-server",
    bind_addr: "127.0.0.1",
    disable_update_check: true,
    performance: { raft_multiplier: 1 },
    ports: { http, server, serf_lan: serf, serf_wan: -1, dns: -1, grpc: -1, ...(modern ? { grpc_tls: -1 } : {}) },
    ...(options.durable ? { server: true, bootstrap_expect: 1, data_dir: data } : {}),
    ...options.config,
  };
  writeFileSync(file, JSON.stringify(config));
  let running: Running | undefined;

  const start = async () => {
    mkdirSync(data, { recursive: true });
    running = await spawnTied(binary, ["agent", ...(options.durable ? [] : ["-dev"]), "-config-file", file]);
    const limit = performance.now() + 60_000;
    while (!(await isReady(url))) {
      if (running.child.exitCode !== null || performance.now() > limit)
        throw new Error(`Consul ${options.version} did not start on ${url}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const kill = async () => {
    const ended = running;
    running = undefined;
    if (ended) await endTied(ended);
  };

  try {
    await start();
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    url,
    version: options.version,
    get pid() {
      return running?.pid ?? 0;
    },
    kill,
    async stop() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
    async restart({ keepData }) {
      await kill();
      if (!keepData) rmSync(data, { recursive: true, force: true });
      await start();
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/v1/catalog/services`, { signal: AbortSignal.timeout(2_000) });
    return answer.status === 403 || (answer.ok && Object.keys((await answer.json()) as object).length + Number(await usesAcl(url)) > 0);
  } catch {
    return false;
  }
}

/** With ACLs the list of services is empty for everybody without a token. */
async function usesAcl(url: string): Promise<boolean> {
  return (await fetch(`${url}/v1/agent/self`)).status === 403;
}

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
}

/** Starts a program under a shell that ends it as soon as the shell's input closes, which happens however this process ends. */
async function spawnTied(binary: string, args: readonly string[]): Promise<Running> {
  const script = '"$@" </dev/null >/dev/null 2>&1 & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null; wait';
  const child = spawn("sh", ["-c", script, "sh", binary, ...args], { stdio: ["pipe", "pipe", "ignore"], detached: true });
  const pid = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.stdout?.once("data", (text: Buffer) => resolve(Number(text.toString().trim())));
  });
  return { child, pid };
}

async function endTied({ child }: Running): Promise<void> {
  const gone = new Promise<void>((resolve) => (child.exitCode === null ? child.once("exit", () => resolve()) : resolve()));
  child.stdin?.end();
  await gone;
}

/** The path of that version's program: `CONSUL_BIN`, `PATH`, or what the set-up brought. Throws with where it looked. */
export function findConsulBinary(version: ConsulVersion): string {
  const tools = fileURLToPath(new URL("../../../../.tools/", import.meta.url));
  const places = [
    process.env["CONSUL_BIN"] ?? "",
    ...(process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, "consul")),
    join(tools, "consul-1.19.2/consul"),
    join(tools, "consul-1.8.7/usr/bin/consul"),
  ].filter(isProgram);
  const found = places.find((path) =>
    execFileSync(path, ["version"], { encoding: "utf8", stdio: "pipe" }).startsWith(`Consul v${version}`),
  );
  if (!found)
    throw new Error(
      `Consul ${version} is not among ${places.join(", ") || "the programs of this machine"}: run "npm run setup -- --consul-both"`,
    );
  return found;
}

function isHere(version: ConsulVersion): boolean {
  try {
    return findConsulBinary(version) !== "";
  } catch {
    return false;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path !== "";
  } catch {
    return false;
  }
}

/** That many ports of loopback that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer().once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
