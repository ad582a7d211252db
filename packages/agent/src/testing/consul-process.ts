/** A real Consul for one test, in dev mode: it forgets everything when it stops. */
import { type ConsulVersion, newestConsul, startConsulServer } from "@legation/consul/testing";
import { exchange } from "../http-exchange.js";

export { consulVersions } from "@legation/consul/testing";

/** A running Consul and its HTTP API below `/v1`. */
export interface ConsulProcess {
  readonly url: string;
  get<T>(path: string): Promise<T>;
  put(path: string, body?: unknown): Promise<void>;
  /** Ends it with SIGKILL; `start` brings it back. */
  kill(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same ports. */
  start(): Promise<void>;
}

/** Starts Consul, the newest on this machine unless given; call `stop` when the test ends. */
export async function startConsul(version: ConsulVersion = newestConsul()): Promise<ConsulProcess> {
  const server = await startConsulServer({ version });
  const ask = async (method: "GET" | "PUT", path: string, body?: unknown): Promise<string> => {
    const answer = await exchange(`${server.url}/v1${path}`, { method, body, timeoutMs: 5_000 });
    if (answer.status !== 200) throw new Error(`Consul answered ${path} with ${answer.status}: ${answer.body}`);
    return answer.body;
  };
  return {
    url: server.url,
    get: async <T>(path: string) => JSON.parse(await ask("GET", path)) as T,
    put: async (path, body) => void (await ask("PUT", path, body)),
    kill: server.kill,
    stop: server.stop,
    start: () => server.restart({ keepData: false }),
  };
}
