/** The other control planes, as Consul's registry names them; the last answer counts while Consul is away. */
import { type Consul, watch } from "@legation/consul";
import { controlPlaneService, controlPlaneTlsKey } from "@legation/contract";
import { type Clock, createBackoff, formatAddress, type Logger } from "@legation/runtime";

/** Another control plane. */
export interface Replica {
  /** As it says of itself in its entry; differs after each start. */
  readonly replica: string;
  /** `host:port` of its HTTP API. */
  readonly address: string;
  /** Whether that is served by TLS. */
  readonly tls: boolean;
}

/** The directory of the others. */
export interface Replicas {
  /** Begins to follow Consul. */
  start(): void;
  /** Those whose entry is alive, without this one. */
  others(): readonly Replica[];
  stop(): void;
}

interface Row {
  readonly Node: { readonly Address: string };
  readonly Service: { readonly Address: string; readonly Port: number; readonly Meta: Readonly<Record<string, string>> | null };
}

/** Makes the directory; `own` is this replica's name. */
export function createReplicas(o: {
  consul: Pick<Consul, "get">;
  own: string;
  /** Consul has said who the others are, again or for the first time. */
  onKnown?: () => void;
  clock: Clock;
  log: Logger;
}): Replicas {
  const stopping = new AbortController();
  let others: readonly Replica[] = [];
  return {
    start() {
      watch<readonly Row[]>(
        o.consul,
        { path: `/health/service/${controlPlaneService}`, query: { passing: true } },
        {
          onValue(rows) {
            const found = rows.map(replicaOf).filter(({ replica }) => replica !== "" && replica !== o.own);
            const addresses = found.map(({ address }) => address).sort();
            if (JSON.stringify(found) !== JSON.stringify(others))
              o.log.info({ event: "replicas.changed", addresses }, `other control planes: ${addresses.join(", ") || "none"}`);
            others = found;
            o.onKnown?.();
          },
          onError: (error) =>
            o.log.debug({ event: "replicas.unknown", err: error }, "Consul does not say who the other control planes are"),
          signal: stopping.signal,
          clock: o.clock,
          backoff: createBackoff({ base: 500, max: 10_000 }),
        },
      );
    },
    others: () => others,
    stop: () => stopping.abort(new Error("the control plane stops")),
  };
}

function replicaOf({ Node, Service }: Row): Replica {
  const meta = Service.Meta ?? {};
  const address = formatAddress(Service.Address || Node.Address, Service.Port);
  return { replica: meta["replica"] ?? "", address, tls: meta[controlPlaneTlsKey] === "true" };
}
