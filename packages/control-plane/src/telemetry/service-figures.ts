/** What the metrics page says of each service, read at the moment of a scrape: rows come with the service and go with it. */
import { agentCheckPrefix, breakerStandings, type ServiceState } from "@legation/contract";
import { type CatalogService, endpointsOf, hasLapsed, keyOf } from "@legation/mesh";
import type { ReceivedReport } from "../channel/reports.js";
import type { ServiceBreakers } from "../figures/breakers.js";
import { escaped, type Family, type Row } from "./exposition.js";
import type { Restarts } from "./restarts.js";

const standings = ["healthy", "degraded", "unhealthy", "draining", "omitted"] as const;
type Standing = (typeof standings)[number];

/** What the registry says of a service. */
interface RegistryFigures {
  /** The label `service`, as it is written. */
  readonly label: string;
  readonly instances: Readonly<Record<Standing, number>>;
  /** 1, 0.5, 0 or -1; see the metric's help. */
  readonly health: number;
  readonly lapsed: number;
  readonly held: number;
  readonly withAgent: number;
  /** The instances' keys. */
  readonly keys: readonly string[];
}

/** One service at the moment of a scrape. */
export interface ServiceFigures extends RegistryFigures {
  readonly breaker: number;
  readonly ejected: number;
  readonly agents: ReadonlyMap<ServiceState, number>;
  /** Milliseconds; undefined where no agent that reports here has looked yet. */
  readonly responseTime: number | undefined;
  /** Seen by this replica. */
  readonly restarts: number;
}

/** What is asked for a service's figures. */
export interface ServiceSources {
  /** By instance key. */
  report(instance: string): ReceivedReport | undefined;
  breakers(service: CatalogService): ServiceBreakers;
  readonly restarts: Pick<Restarts, "of">;
}

/** A service that has not changed is the same value. */
const read = new WeakMap<CatalogService, RegistryFigures>();

/** Reads one service. */
export function serviceFigures(service: CatalogService, sources: ServiceSources): ServiceFigures {
  let registered = read.get(service);
  if (!registered) {
    registered = registryFigures(service);
    read.set(service, registered);
  }
  const agents = new Map<ServiceState, number>();
  let [time, timed] = [0, 0];
  for (const key of registered.keys) {
    const received = sources.report(key);
    if (!received || received.silent || received.report.service !== service.name) continue;
    const { state, health } = received.report;
    agents.set(state, (agents.get(state) ?? 0) + 1);
    if (health?.responseTimeMs === undefined) continue;
    time += health.responseTimeMs;
    timed++;
  }
  const breakers = sources.breakers(service);
  let ejected = 0;
  for (const { state } of breakers.instances.values()) if (state === "open") ejected++;
  return {
    ...registered,
    agents,
    breaker: breakerStandings.indexOf(breakers.service.state),
    ejected,
    responseTime: timed === 0 ? undefined : time / timed,
    restarts: sources.restarts.of(service.name),
  };
}

function registryFigures(service: CatalogService): RegistryFigures {
  const instances: Record<Standing, number> = { healthy: 0, degraded: 0, unhealthy: 0, draining: 0, omitted: 0 };
  const endpoints = endpointsOf(service);
  let [warned, lapsed, held, withAgent] = [0, 0, 0, 0];
  for (const instance of service.instances) {
    const endpoint = endpoints.get(instance);
    const standing = !endpoint || endpoint.omitted ? "omitted" : (endpoint.health.toLowerCase() as Standing);
    instances[standing]++;
    if (standing === "healthy" && instance.checks.some(({ status }) => status !== "passing")) warned++;
    if (instance.checks.some(hasLapsed)) lapsed++;
    if (instance.kept) held++;
    if (instance.checks.some(({ id }) => id.startsWith(agentCheckPrefix))) withAgent++;
  }
  const label = `service="${escaped(service.name)}"`;
  return { label, instances, health: healthOf(instances, warned), lapsed, held, withAgent, keys: service.instances.map(keyOf) };
}

function healthOf({ healthy, degraded, unhealthy }: ServiceFigures["instances"], warned: number): number {
  if (healthy + degraded + unhealthy === 0) return -1;
  if (healthy + degraded === 0) return 0;
  return degraded + unhealthy + warned > 0 ? 0.5 : 1;
}

const all = "From Consul's registry, which every replica reads alike.";
const told = "From the agents, passed on among the replicas: alike at every replica.";
const here = "Of the agents that report to this replica.";

const none: readonly Row[] = [];
const one = (value: number): readonly Row[] => [["", value]];
const some = (value: number) => (value > 0 ? one(value) : none);

/** The metrics of services. */
export const serviceFamilies: readonly Family<ServiceFigures>[] = [
  {
    name: "legation_service_health",
    type: "gauge",
    help: `1 all instances healthy, 0.5 some unhealthy or warning, 0 none healthy, -1 none that could serve. Those that drain do not count. ${all}`,
    rows: ({ health }) => one(health),
  },
  {
    name: "legation_service_instances",
    type: "gauge",
    help: `Instances by what they are in the callers' proxies; omitted are in none. ${all}`,
    rows: ({ instances }) => standings.map((health) => [`,health="${health}"`, instances[health]]),
  },
  {
    name: "legation_service_agent_instances",
    type: "gauge",
    help: `Instances that an agent has registered. ${all}`,
    rows: ({ withAgent }) => one(withAgent),
  },
  {
    name: "legation_service_lapsed_instances",
    type: "gauge",
    help: `Instances whose heartbeat or check has not reached Consul within its TTL; absent is 0. ${all}`,
    rows: ({ lapsed }) => some(lapsed),
  },
  {
    name: "legation_service_held_instances",
    type: "gauge",
    help: `Instances that vanished from the registry with most of their service and are kept by the mass-loss guard; absent is 0. ${all}`,
    rows: ({ held }) => some(held),
  },
  {
    name: "legation_circuit_breaker_state",
    type: "gauge",
    help: `The worst that a caller of the service sees: 0 closed, 1 half-open, 2 open. ${told}`,
    rows: ({ breaker }) => one(breaker),
  },
  {
    name: "legation_circuit_breaker_ejected_instances",
    type: "gauge",
    help: `Instances that at least one caller has ejected; absent is 0. ${told}`,
    rows: ({ ejected }) => some(ejected),
  },
  {
    name: "legation_service_agents",
    type: "gauge",
    help: `Agents by the state of their service, those that are silent left out; absent is 0. ${here}`,
    rows: ({ agents }) => [...agents].map(([state, count]) => [`,state="${escaped(state)}"`, count]),
  },
  {
    name: "legation_service_response_time_ms",
    type: "gauge",
    help: `Mean time of the last health check's answer, in milliseconds; legation_service_response_time_seconds is the same in Prometheus' base unit. ${here}`,
    rows: ({ responseTime }) => (responseTime === undefined ? none : one(responseTime)),
  },
  {
    name: "legation_service_response_time_seconds",
    type: "gauge",
    help: `Mean time of the last health check's answer. ${here}`,
    rows: ({ responseTime }) => (responseTime === undefined ? none : one(responseTime / 1_000)),
  },
  {
    name: "legation_service_restarts_total",
    type: "counter",
    help: `Restarts of the service's processes that this replica has been told of: the sum over the replicas counts each once. ${here}`,
    rows: ({ restarts }) => one(restarts),
  },
];
