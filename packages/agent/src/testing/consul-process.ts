/** A real Consul for one test: its own ports and data, ended with the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolsDirectory } from "../envoy/binary.js";
import { exchange } from "../http-exchange.js";
import { until } from "./until.js";

/** The versions that the product supports on both ends. */
export const consulVersions = ["1.19.2", "1.8.7"] as const;

/** A running Consul in dev mode: it forgets everything when it stops. */
export interface ConsulProcess {
  readonly url: string;
  get<T>(path: string): Promise<T>;
  put(path: string, body?: unknown): Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same ports. */
  start(): Promise<void>;
}

function binaryOf(version: (typeof consulVersions)[number]): string {
  const found = [
    ...(version === "1.8.7" ? [join(toolsDirectory, "consul-1.8.7", "usr", "bin", "consul")] : []),
    ...(version === "1.19.2" ? [process.env["CONSUL_BIN"] ?? "", join(toolsDirectory, "consul-1.19.2", "consul")] : []),
  ].find((path) => path !== "" && existsSync(path));
  if (!found) throw new Error(`no Consul ${version} in ${toolsDirectory}: run npm run setup`);
  return found;
}

/** Five ports that are free now. */
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

/** Starts Consul; call `kill` when the test ends. */
export async function startConsul(version: (typeof consulVersions)[number]): Promise<ConsulProcess> {
  const binary = binaryOf(version);
  const [http = 0, server = 0, lan = 0, wan = 0] = await freePorts(4);
  const home = mkdtempSync(join(tmpdir(), "legation-consul-"));
  const url = `http://127.0.0.1:${http}`;
  const args = ["agent", "-dev", "-bind", "127.0.0.1", "-client", "127.0.0.1", "-log-level", "err", "-http-port", String(http)];
  args.push(
    "-server-port",
    String(server),
    "-serf-lan-port",
    String(lan),
    "-serf-wan-port",
    String(wan),
    "-dns-port",
    "-1",
    "-grpc-port",
    "-1",
  );
  if (version === "1.19.2") args.push("-grpc-tls-port", "-1");
  let child: ChildProcess | undefined;

  const ask = async (method: "GET" | "PUT", path: string, body?: unknown): Promise<string> => {
    const answer = await exchange(`${url}/v1${path}`, { method, body, timeoutMs: 5_000 });
    if (answer.status !== 200) throw new Error(`Consul answered ${path} with ${answer.status}: ${answer.body}`);
    return answer.body;
  };
  const consul: ConsulProcess = {
    url,
    get: async <T>(path: string) => JSON.parse(await ask("GET", path)) as T,
    put: async (path, body) => void (await ask("PUT", path, body)),
    async kill() {
      const ended =
        child && child.exitCode === null && child.signalCode === null ? new Promise((resolve) => child?.once("exit", resolve)) : undefined;
      child?.kill("SIGKILL");
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
    async start() {
      child = spawn(binary, args, { cwd: tmpdir(), env: { ...process.env, HOME: home }, stdio: "ignore" });
      await until("a Consul with a leader that takes registrations", async () => {
        await consul.get("/agent/self");
        return (await ask("GET", "/status/leader")).length > 3 && (await consul.get<unknown[]>("/catalog/nodes")).length > 0;
      });
    },
  };
  await consul.start();
  return consul;
}
