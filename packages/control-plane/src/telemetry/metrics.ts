/** The control plane's figures of itself for Prometheus. Labels take few, fixed values: never a service (see `service-figures.ts`), a node or an instance. */
import { Counter, Gauge, Histogram, type Registry } from "@legation/runtime";
import { version } from "../version.js";

/** Words for the resource types that a mesh has; all others count as `other`. */
const typeWords: Readonly<Record<string, string>> = {
  "type.googleapis.com/envoy.config.cluster.v3.Cluster": "cluster",
  "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment": "endpoints",
  "type.googleapis.com/envoy.config.listener.v3.Listener": "listener",
  "type.googleapis.com/envoy.config.route.v3.RouteConfiguration": "routes",
  "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig": "extension",
  "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret": "secret",
};

/** The word for a type URL: `cluster`, `endpoints`, `listener`, `routes`, `extension`, `secret` or `other`. */
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
  /** Open command streams of agents. */
  readonly listening: number;
  readonly leaving: number;
  /** The store or the files hold policies that are not taken. */
  readonly policiesRefused: boolean;
  /** Of the bundle in force; undefined where no policies were ever set. */
  readonly policiesVersion: number | undefined;
  /** Control planes in the registry, with this one. */
  readonly replicas: number;
}

/** The counters that the parts turn. */
export interface Metrics {
  pushed(typeUrl: string, resources: number, bytes: number): void;
  /** `seconds` from the push to the acknowledgement. */
  acknowledged(typeUrl: string, seconds: number): void;
  rejected(typeUrl: string): void;
  /** Seconds that compiling took. */
  compiled(what: "service" | "node", seconds: number): void;
  /** Calls of gRPC applications without an Envoy, as their clients have reported them. */
  called(calls: { readonly succeeded: number; readonly failed: number; readonly dropped: number }): void;
  /** An agent's report has come. */
  reported(): void;
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
  const acknowledging = new Histogram({
    name: "legation_xds_acknowledge_seconds",
    help: "From a response's sending to its acknowledgement by the proxy.",
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    ...perType,
  });
  const reports = new Counter({
    name: "legation_reports_received_total",
    help: "Reports of agents that this replica has taken.",
    registers,
  });
  new Gauge({
    name: "legation_build_info",
    help: "1, with the version of the control plane.",
    labelNames: ["version"] as const,
    registers,
  }).set({ version }, 1);
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
    acknowledged(typeUrl, seconds) {
      const type = typeWord(typeUrl);
      acks.inc({ type });
      acknowledging.observe({ type }, seconds);
    },
    rejected: (typeUrl) => nacks.inc({ type: typeWord(typeUrl) }),
    compiled: (what, seconds) => compile.observe({ what }, seconds),
    called({ succeeded, failed, dropped }) {
      for (const [result, count] of Object.entries({ succeeded, failed, dropped })) calls.inc({ result }, count);
    },
    reported: () => reports.inc(),
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
  legation_xds_streams: ["Open xDS streams of this replica.", (r) => r.streams],
  legation_xds_rejected_streams: ["Streams of this replica with a refused resource that has not been replaced.", (r) => r.rejected],
  legation_xds_quarantined_resources: [
    "Resources that proxies of this replica refused, with their last good version served in their place.",
    (r) => r.quarantined,
  ],
  legation_xds_layers: ["Sets of resources compiled for the proxies of this replica.", (r) => r.layers],
  legation_catalog_services: ["Services in the registry; alike at every replica.", (r) => r.services],
  legation_catalog_instances: ["Instances in the registry; alike at every replica.", (r) => r.instances],
  legation_catalog_problems: ["Problems with registrations.", (r) => r.problems],
  legation_catalog_complete: ["1 once the first complete read of Consul has succeeded.", (r) => Number(r.complete)],
  legation_consul_connected: ["1 while Consul answers the watches of this replica.", (r) => Number(r.connected)],
  legation_consul_answer_age_seconds: ["Since the last good answer of Consul that the served state rests on.", (r) => r.age],
  legation_agents_reporting: ["Agents that report to this replica.", (r) => r.agents],
  legation_agents_listening: ["Agents that take commands from this replica.", (r) => r.listening],
  legation_instances_leaving: ["Instances that said they leave, not yet confirmed by Consul.", (r) => r.leaving],
  legation_policies_refused: [
    "1 while the store or the files hold policies that this replica does not take; those from before stay in force.",
    (r) => Number(r.policiesRefused),
  ],
  legation_policies_version: [
    "Version of the policies in force at this replica; absent where none were ever set.",
    (r) => r.policiesVersion,
  ],
  legation_replicas_known: ["Control planes that this one knows of, itself included.", (r) => r.replicas],
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
