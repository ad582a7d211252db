/** A caller's Envoy before plain applications of one service, to see which of them each request reaches. */
import { once } from "node:events";
import { Agent, createServer, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { NodeMetadata } from "@legation/contract";
import type { Instance } from "../catalog/instance.js";
import { compileNode } from "../compile-node.js";
import { compileService } from "../compile-service.js";
import { startEnvoy } from "./envoy.js";
import { resourceJson } from "./golden-case.js";
import { instance } from "./instances.js";
import { writtenPolicies } from "./written-policies.js";

/** An application in this process, which answers each request with its name, and `/hold` not before `release`. */
export interface NamedApplication {
  readonly name: string;
  readonly port: number;
  /** Requests for `/hold` that wait. */
  readonly held: number;
  release(): void;
  stop(): Promise<void>;
}

/** Starts an application on a free port of 127.0.0.1. */
export async function startNamed(name: string): Promise<NamedApplication> {
  const held = new Set<ServerResponse>();
  const server: Server = createServer((asked, response) => {
    if (asked.url !== "/hold") return void response.end(name);
    held.add(response);
    response.on("close", () => held.delete(response));
  });
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    name,
    port: (server.address() as AddressInfo).port,
    get held() {
      return held.size;
    },
    release() {
      for (const response of held) response.end(name);
      held.clear();
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** A request, and what of it may choose the instance. */
export interface Asking {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The client's address; 127.0.0.1 unless given. */
  readonly from?: string;
}

/** Who answered: the application's name, or the status or the error where none did. */
export interface Chosen {
  readonly name: string;
  readonly cookies: readonly string[];
}

/** The caller's Envoy. */
export interface Choice {
  send(asking?: Asking): Promise<Chosen>;
  /** Sends `count` requests, `width` at a time, and counts who answered. */
  count(count: number, asking?: (i: number) => Asking, width?: number): Promise<ReadonlyMap<string, number>>;
  /** Who answers each of these requests. */
  who(askings: readonly Asking[]): Promise<readonly string[]>;
  /** Gives it other instances, and waits until it has them. */
  change(instances: readonly Instance[]): Promise<void>;
  stats(): Promise<ReadonlyMap<string, number>>;
  stop(): Promise<void>;
}

/** An instance of `orders` that is an application, with what a test wants otherwise. */
export function instanceOf({ name, port }: Pick<NamedApplication, "name" | "port">, overrides: Partial<Instance> = {}): Instance {
  return instance({ node: "machine", id: name, address: "127.0.0.1", port, ...overrides });
}

const node: NodeMetadata = {
  api: 1,
  service: "web",
  kind: "sidecar",
  inbound: "127.0.0.1:20000",
  app: "127.0.0.1:1",
  outbound: "127.0.0.1:15001",
  protocol: "http",
  dependencies: [{ name: "orders", optional: false }],
};

/** Starts the Envoy of `web`, which calls `orders` under these policies (YAML). */
export async function startChoice(policies: string, instances: readonly Instance[]): Promise<Choice> {
  const traffic = writtenPolicies(policies);
  const resources = (list: readonly Instance[]) => {
    const orders = { name: "orders", instances: list };
    const { cluster, endpoints } = compileService(orders, traffic);
    const { view, instance: own } = compileNode(node, () => orders, traffic);
    return [...view, ...own, cluster, endpoints].map(resourceJson);
  };
  const envoy = await startEnvoy(resources(instances));
  const port = await envoy.port("outbound");
  const agents = new Map<string, Agent>();

  const send: Choice["send"] = ({ path = "/", headers = {}, from = "127.0.0.1" } = {}) =>
    new Promise((resolve) => {
      const failed = (error: Error) => resolve({ name: error.message, cookies: [] });
      const agent = agents.get(from) ?? new Agent({ keepAlive: true, maxSockets: 64 });
      agents.set(from, agent);
      const sent = request(
        { agent, host: "127.0.0.1", port, path, localAddress: from, headers: { host: "orders", ...headers } },
        (answer) => {
          let body = "";
          answer.on("data", (chunk) => {
            body += String(chunk);
          });
          answer.on("error", failed);
          answer.on("end", () =>
            resolve({ name: answer.statusCode === 200 ? body : String(answer.statusCode), cookies: answer.headers["set-cookie"] ?? [] }),
          );
        },
      );
      sent.on("error", failed);
      sent.end();
    });

  const who = async (askings: readonly Asking[], width: number): Promise<string[]> => {
    const names: string[] = new Array(askings.length).fill("");
    let next = 0;
    const worker = async () => {
      for (let i = next++; i < askings.length; i = next++) names[i] = (await send(askings[i])).name;
    };
    await Promise.all(Array.from({ length: width }, worker));
    return names;
  };

  return {
    send,
    who: (askings) => who(askings, 16),
    async count(count, asking = () => ({}), width = 16) {
      const counts = new Map<string, number>();
      const names = await who(
        Array.from({ length: count }, (_, i) => asking(i)),
        width,
      );
      for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
      return counts;
    },
    async change(list) {
      envoy.update(resources(list));
      const wanted = list.map((one) => one.port).sort();
      for (const end = Date.now() + 25_000; ; ) {
        const { cluster_statuses } = JSON.parse(await envoy.admin("/clusters?format=json")) as Clusters;
        const hosts = cluster_statuses.find(({ name }) => name === "orders")?.host_statuses ?? [];
        const ports = hosts.map(({ address }) => address.socket_address.port_value).sort();
        if (ports.join() === wanted.join()) return;
        if (Date.now() > end) throw new Error(`Envoy has ${ports.join() || "no endpoint"} after 25 s, and not ${wanted.join()}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    stats: () => envoy.stats(),
    async stop() {
      for (const agent of agents.values()) agent.destroy();
      await envoy.stop();
    },
  };
}

interface Clusters {
  readonly cluster_statuses: readonly {
    readonly name: string;
    readonly host_statuses?: readonly { readonly address: { readonly socket_address: { readonly port_value: number } } }[];
  }[];
}
