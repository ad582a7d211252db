/** Reading a running Envoy through its admin API. */

/** One endpoint as Envoy sees it. */
export interface EnvoyEndpoint {
  /** `host:port`. */
  readonly address: string;
  /** `HEALTHY`, `DEGRADED`, `UNHEALTHY`, `DRAINING` or `TIMEOUT`, as the last assignment says. */
  readonly health: string;
  readonly weight: number;
  /** Outlier detection keeps it out for a while. */
  readonly ejected: boolean;
  /** It may get new requests: healthy by the assignment, and not ejected. */
  readonly usable: boolean;
}

/** How many answers of a control plane an Envoy has accepted and rejected, since it started. */
export interface UpdateCounters {
  readonly accepted: number;
  readonly rejected: number;
  /** The counters themselves, by their names. */
  readonly byName: Readonly<Record<string, number>>;
}

/** An Envoy's admin API. Every call throws when Envoy does not answer within 5 s. */
export interface EnvoyAdmin {
  readonly url: string;
  /** True once Envoy says that it is LIVE. */
  ready(): Promise<boolean>;
  /** Endpoints by the cluster's name, sorted by address. */
  clusters(): Promise<ReadonlyMap<string, readonly EnvoyEndpoint[]>>;
  /** Counters and gauges whose names match `filter`, a regular expression. */
  stats(filter?: string): Promise<Readonly<Record<string, number>>>;
  configDump(): Promise<unknown>;
  updateCounters(): Promise<UpdateCounters>;
}

interface HostStatus {
  readonly address?: { readonly socket_address?: { readonly address?: string; readonly port_value?: number } };
  readonly health_status?: Readonly<Record<string, unknown>>;
  readonly weight?: number;
}

/** `address` is `host:port` or a URL. */
export function createEnvoyAdmin(address: string): EnvoyAdmin {
  const url = address.startsWith("http") ? address : `http://${address}`;
  const read = async (path: string): Promise<Response> => fetch(url + path, { signal: AbortSignal.timeout(5_000) });
  const json = async <T>(path: string): Promise<T> => {
    const answer = await read(path);
    if (!answer.ok) throw new Error(`GET ${url}${path}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
    return (await answer.json()) as T;
  };
  const stats = async (filter = ""): Promise<Readonly<Record<string, number>>> => {
    const query = filter === "" ? "" : `&filter=${encodeURIComponent(filter)}`;
    const answer = await json<{ stats: { name?: string; value?: unknown }[] }>(`/stats?format=json${query}`);
    const found: Record<string, number> = {};
    for (const { name, value } of answer.stats) if (name !== undefined && typeof value === "number") found[name] = value;
    return found;
  };
  return {
    url,
    stats,
    async ready() {
      const answer = await read("/ready");
      await answer.text();
      return answer.ok;
    },
    async clusters() {
      const answer = await json<{ cluster_statuses?: { name: string; host_statuses?: HostStatus[] }[] }>("/clusters?format=json");
      return new Map(
        (answer.cluster_statuses ?? []).map(({ name, host_statuses = [] }) => [
          name,
          host_statuses.map(endpoint).sort((a, b) => a.address.localeCompare(b.address)),
        ]),
      );
    },
    configDump: () => json("/config_dump?include_eds"),
    async updateCounters() {
      const byName = await stats("(^cluster\\..*|lds|cds|rds.*|srds.*)\\.update_(success|rejected)$");
      const sum = (end: string) => Object.entries(byName).reduce((total, [name, value]) => (name.endsWith(end) ? total + value : total), 0);
      return { accepted: sum("update_success"), rejected: sum("update_rejected"), byName };
    },
  };
}

function endpoint({ address, health_status = {}, weight = 1 }: HostStatus): EnvoyEndpoint {
  const health = String(health_status["eds_health_status"] ?? "HEALTHY");
  const ejected = health_status["failed_outlier_check"] === true;
  const failedCheck = health_status["failed_active_health_check"] === true;
  return {
    address: `${address?.socket_address?.address ?? "?"}:${address?.socket_address?.port_value ?? "?"}`,
    health,
    weight,
    ejected,
    usable: (health === "HEALTHY" || health === "DEGRADED" || health === "UNKNOWN") && !ejected && !failedCheck,
  };
}
