/** A real Envoy with many meshes, and what it does with requests to them. */
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { ExplainedOutcome } from "@legation/contract/api";
import { askedAddress, type ExplainedRequest } from "../explain/index.js";
import { type RunningEnvoy, startEnvoy } from "./envoy.js";
import { addresses, type ExplainedMesh, ownZones } from "./explained-mesh.js";
import { resourceJson } from "./golden-case.js";

/** What became of a request. */
export interface Observed {
  readonly status: number;
  /** The address of the instance that answered. */
  readonly by?: string;
  /** The path that it saw. */
  readonly path?: string;
  readonly flags: readonly string[];
  readonly location?: string;
  readonly body: string;
  readonly grpcStatus?: number;
}

/** Applications on all addresses. */
export interface Applications {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts them: each says its address and the path that it saw; a request whose `x-fail` names it fails there. */
export async function startApplications(): Promise<Applications> {
  const servers: Server[] = [];
  const start = (port: number) =>
    addresses.map(async (address) => {
      const server = createServer((asked, answer) => {
        const fails = String(asked.headers["x-fail"] ?? "")
          .split(",")
          .includes(address);
        answer.writeHead(fails ? 500 : 200, { "x-by": address, "x-path": asked.url ?? "" }).end();
      });
      server.keepAliveTimeout = 0;
      servers.push(server);
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, address, resolve));
      return (server.address() as AddressInfo).port;
    });
  const stop = async () => {
    for (const server of servers) server.closeAllConnections();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  // A port that one address has free may be taken on another.
  for (let attempt = 0; ; attempt++) {
    const [probe] = addresses;
    const free = createServer().listen(0, probe);
    await new Promise((resolve) => free.once("listening", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    try {
      await Promise.all(start(port));
      return { port, stop };
    } catch (error) {
      await stop();
      servers.length = 0;
      if (attempt === 5) throw error;
    }
  }
}

/** The Envoy. */
export interface ExplainedEnvoy {
  ask(mesh: ExplainedMesh, asked: ExplainedRequest, headers?: Readonly<Record<string, string>>): Promise<Observed>;
  /** The addresses of ejected instances of a service. */
  ejected(service: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Starts it with all of these. */
export async function startExplainedEnvoy(
  meshes: readonly ExplainedMesh[],
  spread: Readonly<Record<string, number>>,
): Promise<ExplainedEnvoy> {
  const { "@type": _, ...own } = resourceJson(ownZones("own", spread));
  const envoy = await startEnvoy(
    meshes.flatMap(({ resources }) => resources.map((one) => telling(one) as JsonObject)),
    own,
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const ports = await portsOf(envoy);
  return {
    ask(mesh, asked, headers = {}) {
      const address = askedAddress(asked.url);
      if (typeof address === "string") throw new Error(address);
      const listener =
        address.scheme === "tcp"
          ? [...ports.keys()].find((name) => name.startsWith(`${mesh.prefix}outbound:${address.host}:`))
          : `${mesh.prefix}outbound`;
      const port = ports.get(listener ?? "");
      if (port === undefined) throw new Error(`Envoy has no listener for ${asked.url}: ${envoy.log()}`);
      // Of bytes each connection chooses anew.
      return send(address.scheme === "tcp" ? new Agent() : agent, port, {
        method: asked.method,
        path: address.path,
        headers: { ...asked.headers, ...headers, host: address.host },
      });
    },
    async ejected(service) {
      const { cluster_statuses } = JSON.parse(await envoy.admin("/clusters?format=json")) as Clusters;
      const hosts = cluster_statuses.find(({ name }) => name === service)?.host_statuses ?? [];
      return hosts
        .filter(({ health_status }) => health_status.failed_outlier_check)
        .map(({ address: { socket_address: at } }) => `${at.address}:${at.port_value}`);
    },
    async stop() {
      agent.destroy();
      await envoy.stop();
    },
  };
}

interface Clusters {
  readonly cluster_statuses: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address: { readonly socket_address: { readonly address: string; readonly port_value: number } };
      readonly health_status: { readonly failed_outlier_check?: boolean };
    }[];
  }[];
}

async function portsOf(envoy: RunningEnvoy): Promise<ReadonlyMap<string, number>> {
  const { listener_statuses = [] } = JSON.parse(await envoy.admin("/listeners?format=json")) as {
    listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return new Map(listener_statuses.map(({ name, local_address }) => [name, local_address.socket_address.port_value]));
}

const flagsHeader = { header: { key: "x-flags", value: "%RESPONSE_FLAGS%" } };

/** Every response says its flags: that of an instance by its routes, that of the proxy itself as a local reply. Ejections count at once. */
function telling(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(telling);
  if (typeof value !== "object" || value === null) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, telling(one)]));
  // Else what a second change of health makes is told to the workers up to a second later.
  if ("healthyPanicThreshold" in inner) return { ...inner, updateMergeWindow: "0s" };
  if ("virtualHosts" in inner) return { ...inner, responseHeadersToAdd: [flagsHeader] };
  if (!("httpFilters" in inner)) return inner;
  const any = { comparison: { op: "GE", value: { defaultValue: 0, runtimeKey: "legation.any" } } };
  const header = { header: { key: "x-own-flags", value: "%RESPONSE_FLAGS%" } };
  return { ...inner, localReplyConfig: { mappers: [{ filter: { statusCodeFilter: any }, headersToAdd: [header] }] } };
}

function send(
  agent: Agent,
  port: number,
  o: { method: string; path: string; headers: Readonly<Record<string, string>> },
): Promise<Observed> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ status: 0, flags: [], body: error.message });
    request({ agent, host: "127.0.0.1", port, ...o }, (answer) => {
      let body = "";
      answer.on("data", (part) => {
        body += String(part);
      });
      answer.on("error", failed);
      answer.on("end", () => {
        const word = (name: string) => answer.headers[name] as string | undefined;
        const flags = (word("x-own-flags") ?? word("x-flags") ?? "-").split(",").filter((flag) => flag !== "-");
        const [by, path, location, grpc] = [word("x-by"), word("x-path"), word("location"), word("grpc-status")];
        resolve({
          ...{ status: answer.statusCode ?? 0, flags, body: word("grpc-message") ?? body },
          ...(by === undefined ? {} : { by }),
          ...(path === undefined ? {} : { path }),
          ...(location === undefined ? {} : { location }),
          ...(grpc === undefined ? {} : { grpcStatus: Number(grpc) }),
        });
      });
    })
      .once("error", failed)
      .end();
  });
}

/** What is seen is what the outcome says. */
export function fits(outcome: ExplainedOutcome, seen: Observed, port: number): boolean {
  if (outcome.status === 0) return seen.status === 0;
  if ([...outcome.flags].sort().join() !== [...seen.flags].sort().join()) return false;
  if (outcome.by === "instance") return `${seen.by}:${port}` === outcome.address;
  if (seen.by !== undefined || outcome.status !== seen.status || outcome.grpcStatus !== seen.grpcStatus) return false;
  const body = seen.grpcStatus === undefined ? seen.body : decodeURIComponent(seen.body);
  return (outcome.location ?? "") === (seen.location ?? "") && (outcome.body ?? "").trim() === body.trim();
}
