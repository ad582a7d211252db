/** Envoy's admin interface: the few questions and commands that the agent has for it. */
import { Agent } from "node:http";
import type { Protocol, ReportedAnswers } from "@legation/contract";
import { exchange } from "../http-exchange.js";
import type { DumpAnswer, ReadDump } from "./config-dump.js";

/** What Envoy knows of one cluster's endpoints. */
export interface ClusterHealth {
  readonly endpoints: number;
  readonly healthy: number;
}

/** What Envoy knows of one host of one cluster. Counts are since the host came into the cluster. */
export interface EnvoyHost {
  /** The cluster, which is named as the service that it reaches. */
  readonly service: string;
  /** `host:port`. */
  readonly address: string;
  /** By outlier detection. */
  readonly ejected: boolean;
  /** Requests by what became of them; for gRPC by its own status. */
  readonly successes: number;
  readonly errors: number;
}

/** Each method rejects with an Error when Envoy does not answer. */
export interface EnvoyAdmin {
  /** `LIVE`, or the state that Envoy is in instead: `PRE_INITIALIZING`, `INITIALIZING`, `DRAINING`. */
  ready(): Promise<string>;
  /** The ports of all listeners that Envoy has taken up. */
  listeningPorts(): Promise<ReadonlySet<number>>;
  /** The clusters that Envoy has, by name. */
  clusters(): Promise<ReadonlyMap<string, ClusterHealth>>;
  /** The hosts of these clusters; of all without names. An Envoy before 1.40 looks through all of them either way. */
  hosts(names?: readonly string[]): Promise<readonly EnvoyHost[]>;
  /** Requests (connections, where the protocol is tcp) that came in and have not ended yet; see in-flight for those of an Envoy before. */
  inFlight(): Promise<number>;
  /** HTTP requests of both directions since this Envoy's start: all that are over, and those answered with 5xx. */
  answered(): Promise<ReportedAnswers>;
  /** A number that changes whenever Envoy flushes its figures, by which it also adds those of the Envoy that it takes over from. */
  flushed(): Promise<number>;
  /** Tells inbound connections to close after their present request; goes on accepting and answering. */
  drainInbound(): Promise<void>;
  /** Accepts no inbound connection any more; those that are open go on. Only a new Envoy accepts again. */
  closeInbound(): Promise<void>;
  /** True when the listener at that port has a filter chain that takes what is not TLS. */
  takesPlaintext(port: number): Promise<boolean>;
  /** `node.id`, version and hot restart epoch of the Envoy behind this address. */
  identity(): Promise<EnvoyIdentity>;
  /** Envoys of the same hot restart version can hand over to each other. */
  hotRestartVersion(): Promise<string>;
  /** True while a control plane is connected. */
  connected(): Promise<boolean>;
  /** Its figures in the format of Prometheus; with a regular expression those that were written since its start and match. */
  figures(filter?: string): Promise<string>;
  /** One part of its config dump (`config-dump.ts`). */
  dump: ReadDump;
  /** Lets go of the kept connection: the next question goes to whoever listens now. */
  reconnect(): void;
  close(): void;
}

/** Who answers. */
export interface EnvoyIdentity {
  readonly nodeId: string;
  readonly version: string;
  readonly epoch: number;
}

interface ListenersAnswer {
  readonly listener_statuses?: readonly { readonly local_address?: { readonly socket_address?: { readonly port_value?: number } } }[];
}

interface ListenersDump {
  readonly configs?: readonly {
    readonly active_state?: {
      readonly listener?: {
        readonly address?: { readonly socket_address?: { readonly port_value?: number } };
        readonly filter_chains?: readonly { readonly filter_chain_match?: { readonly transport_protocol?: string } }[];
      };
    };
  }[];
}

interface ClustersAnswer {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address?: { readonly socket_address?: { readonly address?: string; readonly port_value?: number } };
      readonly stats?: readonly { readonly name?: string; readonly value?: string }[];
      readonly health_status?: Readonly<Record<string, unknown>> & { readonly eds_health_status?: string };
    }[];
  }[];
}

interface StatsAnswer {
  readonly stats?: readonly { readonly name?: string; readonly value?: number }[];
}

interface ServerInfo {
  readonly version?: string;
  readonly node?: { readonly id?: string };
  readonly command_line_options?: { readonly restart_epoch?: number };
}

const timeoutMs = 2_000;
/** For one part of a dump: an Envoy with thousands of clusters needs a while to write it. */
const dumpMs = 8_000;

/** The gauges that count what is under way, as the control plane names its inbound listener and cluster. */
const inFlightGauges: Readonly<Record<"http" | "tcp", string>> = {
  http: "http.inbound.downstream_rq_active",
  tcp: "cluster.inbound.upstream_cx_active",
};

/** A client of the admin interface at `host:port`, of an Envoy whose service speaks `protocol`. */
export function createEnvoyAdmin(address: string, protocol: Protocol): EnvoyAdmin {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (path: string, method: "GET" | "POST" = "GET", limitMs = timeoutMs): Promise<{ status: number; body: string }> =>
    await exchange(`http://${address}${path}`, { timeoutMs: limitMs, agent, method, maxBytes: 64 * 1024 * 1024 });
  const read = async <T>(path: string): Promise<T> => {
    const { status, body } = await ask(path);
    if (status !== 200) throw new Error(`Envoy's admin interface answered ${path} with ${status}`);
    return JSON.parse(body) as T;
  };
  const stat = async (name: string): Promise<number> => {
    const { stats = [] } = await read<StatsAnswer>(`/stats?format=json&filter=${encodeURIComponent(`^${name.replaceAll(".", "\\.")}$`)}`);
    return stats.find((found) => found.name === name)?.value ?? 0;
  };
  const drainListeners = async (how: string): Promise<void> => {
    const { status, body } = await ask(`/drain_listeners?${how}`, "POST");
    if (status !== 200) throw new Error(`Envoy did not drain its listeners: ${status} ${body.trim()}`);
  };
  return {
    ready: async () => (await ask("/ready")).body.trim(),
    async listeningPorts() {
      const { listener_statuses = [] } = await read<ListenersAnswer>("/listeners?format=json");
      return new Set(listener_statuses.map((listener) => listener.local_address?.socket_address?.port_value ?? 0));
    },
    async clusters() {
      const { cluster_statuses = [] } = await read<ClustersAnswer>("/clusters?format=json");
      return new Map(
        cluster_statuses.map(({ name, host_statuses = [] }) => [
          name,
          { endpoints: host_statuses.length, healthy: host_statuses.filter((host) => isHealthy(host.health_status ?? {})).length },
        ]),
      );
    },
    async hosts(names) {
      const filter = names === undefined ? "" : `&filter=${encodeURIComponent(`^(${names.join("|")})$`)}`;
      const { cluster_statuses = [] } = await read<ClustersAnswer>(`/clusters?format=json${filter}`);
      return cluster_statuses
        .filter(({ name }) => names?.includes(name) ?? true)
        .flatMap(({ name, host_statuses = [] }) =>
          host_statuses.map(({ address, stats = [], health_status }) => {
            const { address: host = "", port_value: port = 0 } = address?.socket_address ?? {};
            const count = (which: string) => Number(stats.find((found) => found.name === which)?.value ?? 0);
            return {
              service: name,
              address: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
              ejected: health_status?.["failed_outlier_check"] === true,
              successes: count("rq_success"),
              errors: count("rq_error"),
            };
          }),
        );
    },
    inFlight: () => stat(inFlightGauges[protocol === "tcp" ? "tcp" : "http"]),
    async answered() {
      const filter = encodeURIComponent("^http\\.(in|out)bound\\.downstream_rq_(completed|5xx)$");
      const { stats = [] } = await read<StatsAnswer>(`/stats?format=json&filter=${filter}`);
      const sum = (end: string) => stats.reduce((total, { name = "", value = 0 }) => total + (name.endsWith(end) ? value : 0), 0);
      return { requests: sum("_completed"), failures: sum("_5xx") };
    },
    flushed: () => stat("server.uptime"),
    drainInbound: () => drainListeners("inboundonly&graceful&skip_exit"),
    closeInbound: () => drainListeners("inboundonly"),
    async takesPlaintext(port) {
      const { configs = [] } = await read<ListenersDump>("/config_dump?resource=dynamic_listeners");
      const listener = configs
        .map(({ active_state }) => active_state?.listener)
        .find((active) => active?.address?.socket_address?.port_value === port);
      return listener?.filter_chains?.some(({ filter_chain_match }) => filter_chain_match?.transport_protocol !== "tls") ?? false;
    },
    async identity() {
      const info = await read<ServerInfo>("/server_info");
      return { nodeId: info.node?.id ?? "", version: info.version ?? "", epoch: info.command_line_options?.restart_epoch ?? 0 };
    },
    hotRestartVersion: async () => (await ask("/hot_restart_version")).body.trim(),
    connected: async () => (await stat("control_plane.connected_state")) > 0,
    figures: async (filter) =>
      (await ask(`/stats/prometheus${filter === undefined ? "" : `?usedonly&filter=${encodeURIComponent(filter)}`}`)).body,
    async dump(query) {
      const { status, body } = await ask(`/config_dump?${query}`, "GET", dumpMs);
      // A kind of resource that this Envoy has never had has no place in its dump.
      if (status === 404 && body.includes("not found in config dump")) return {};
      if (status !== 200) throw new Error(`it answered /config_dump with ${status}`);
      return JSON.parse(body) as DumpAnswer;
    },
    reconnect: () => agent.destroy(),
    close: () => agent.destroy(),
  };
}

/** True when Envoy would give a host requests: what EDS says is healthy or degraded, and nothing of Envoy's own speaks against it. */
function isHealthy(status: Readonly<Record<string, unknown>> & { readonly eds_health_status?: string }): boolean {
  const {
    eds_health_status: eds = "HEALTHY",
    failed_active_health_check,
    failed_outlier_check,
    pending_active_hc,
    pending_dynamic_removal,
  } = status;
  return (
    (eds === "HEALTHY" || eds === "DEGRADED" || eds === "UNKNOWN") &&
    !failed_active_health_check &&
    !failed_outlier_check &&
    !pending_active_hc &&
    !pending_dynamic_removal
  );
}
