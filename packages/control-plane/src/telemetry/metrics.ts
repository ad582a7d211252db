/** The control plane's figures for Prometheus. Labels take few, fixed values: never a service, a node or an instance. Of services there is one figure, in `figures/breakers.ts`. */
import { Counter, Gauge, Histogram, type Registry } from "@legation/runtime";

/** Words for the resource types that a mesh has; all others count as `other`. */
const typeWords: Readonly<Record<string, string>> = {
  "type.googleapis.com/envoy.config.cluster.v3.Cluster": "cluster",
  "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment": "endpoints",
  "type.googleapis.com/envoy.config.listener.v3.Listener": "listener",
  "type.googleapis.com/envoy.config.route.v3.RouteConfiguration": "routes",
};

/** The word for a type URL: `cluster`, `endpoints`, `listener`, `routes` or `other`. */
export function typeWord(typeUrl: string): string {
  return typeWords[typeUrl] ?? "other";
}

/** What is read at the moment of a scrape. */
export interface Readings {
  readonly streams: number;
  readonly rejected: number;
  readonly quarantined: number;
  readonly services: number;
  readonly instances: number;
  readonly problems: number;
  readonly complete: boolean;
  readonly connected: boolean;
  /** Seconds since the last good answer of Consul; undefined when there was none. */
  readonly age: number | undefined;
  readonly layers: number;
  readonly agents: number;
  readonly leaving: number;
}

/** The counters that the parts turn. */
export interface Metrics {
  pushed(typeUrl: string, resources: number, bytes: number): void;
  acknowledged(typeUrl: string): void;
  rejected(typeUrl: string): void;
  /** Seconds that compiling took. */
  compiled(what: "service" | "node", seconds: number): void;
  /** Calls of gRPC applications without an Envoy, as their clients have reported them. */
  called(calls: { readonly succeeded: number; readonly failed: number; readonly dropped: number }): void;
  /** A publication of `changes` services. */
  published(changes: number): void;
  /** All figures of the process in Prometheus' text format. */
  text(): Promise<string>;
}

/** Registers the figures; `read` is called once per scrape. */
export function createMetrics(registry: Registry, read: () => Readings): Metrics {
  const registers = [registry];
  const perType = { labelNames: ["type"] as const, registers };
  const pushes = new Counter({ name: "legation_xds_pushes_total", help: "Responses sent to proxies.", ...perType });
  const resources = new Counter({ name: "legation_xds_resources_sent_total", help: "Resources in the responses sent.", ...perType });
  const bytes = new Counter({ name: "legation_xds_sent_bytes_total", help: "Bytes of the responses sent.", ...perType });
  const acks = new Counter({ name: "legation_xds_acks_total", help: "Responses that proxies accepted.", ...perType });
  const nacks = new Counter({ name: "legation_xds_nacks_total", help: "Responses that proxies refused.", ...perType });
  const calls = new Counter({
    name: "legation_grpc_calls_total",
    help: "Calls of gRPC applications without an Envoy, as their clients report them: succeeded, failed, or dropped at a limit.",
    labelNames: ["result"] as const,
    registers,
  });
  const compile = new Histogram({
    name: "legation_compile_seconds",
    help: "Time to compile one service or one node's resources.",
    labelNames: ["what"] as const,
    buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    registers,
  });
  const publications = new Counter({ name: "legation_publications_total", help: "Batches of changes made visible to proxies.", registers });
  const changes = new Counter({ name: "legation_service_changes_total", help: "Services compiled because they changed.", registers });
  const refresh = addReadings(registry, read);
  return {
    pushed(typeUrl, count, size) {
      const type = typeWord(typeUrl);
      pushes.inc({ type });
      resources.inc({ type }, count);
      bytes.inc({ type }, size);
    },
    acknowledged: (typeUrl) => acks.inc({ type: typeWord(typeUrl) }),
    rejected: (typeUrl) => nacks.inc({ type: typeWord(typeUrl) }),
    compiled: (what, seconds) => compile.observe({ what }, seconds),
    called({ succeeded, failed, dropped }) {
      for (const [result, count] of Object.entries({ succeeded, failed, dropped })) calls.inc({ result }, count);
    },
    published(count) {
      publications.inc();
      changes.inc(count);
    },
    text() {
      refresh();
      return registry.metrics();
    },
  };
}

const readings: Readonly<Record<string, readonly [help: string, of: (r: Readings) => number | undefined]>> = {
  legation_xds_streams: ["Open xDS streams.", (r) => r.streams],
  legation_xds_rejected: ["Streams with a refused resource that has not been replaced.", (r) => r.rejected],
  legation_xds_quarantined: ["Resources that proxies refused, with their last good version served in their place.", (r) => r.quarantined],
  legation_xds_layers: ["Sets of resources compiled for the connected proxies.", (r) => r.layers],
  legation_catalog_services: ["Services in the registry.", (r) => r.services],
  legation_catalog_instances: ["Instances in the registry.", (r) => r.instances],
  legation_catalog_problems: ["Problems with registrations.", (r) => r.problems],
  legation_catalog_complete: ["1 once the first complete read of Consul has succeeded.", (r) => Number(r.complete)],
  legation_consul_connected: ["1 while Consul answers the watches.", (r) => Number(r.connected)],
  legation_consul_answer_age_seconds: ["Since the last good answer of Consul that the served state rests on.", (r) => r.age],
  legation_agents_reporting: ["Agents whose report is kept.", (r) => r.agents],
  legation_instances_leaving: ["Instances that said they leave, not yet confirmed by Consul.", (r) => r.leaving],
};

function addReadings(registry: Registry, read: () => Readings): () => void {
  const gauges = Object.entries(readings).map(([name, [help, of]]) => ({ gauge: new Gauge({ name, help, registers: [registry] }), of }));
  return () => {
    const now = read();
    for (const { gauge, of } of gauges) {
      const value = of(now);
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    }
  };
}
