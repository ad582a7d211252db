/** The mesh in figures, in the words of the orchestration API (REQUIREMENTS R7). Pure. */
import { serviceStates } from "@legation/contract";
import type { OrchestrationMetrics } from "@legation/contract/api";
import { metaOf } from "@legation/mesh";
import type { InstanceStatus } from "./instance-status.js";
import type { ServiceStatus } from "./service-status.js";
import { type Shown, standingOf } from "./services-view.js";

/** The answer of `GET /api/orchestration/metrics`; `breaker` says how that of a service stands. */
export function metricsView({ mesh, services, silent }: Shown, breaker: (service: string) => string): OrchestrationMetrics {
  const count = (is: (service: ServiceStatus) => boolean) => services.filter(is).length;
  const instances = services.flatMap((service) => service.instances);
  return {
    success: true,
    metrics: {
      total_services: services.length,
      running_services: count(({ state }) => state === "running"),
      failed_services: count(({ state }) => state === "failed"),
      stopped_services: count(({ state }) => state === "stopped"),
      total_restarts: services.reduce((sum, { restartCount }) => sum + restartCount, 0),
      healthy_services: count(({ level }) => level === "HEALTHY"),
      unhealthy_services: count(({ level }) => level === "UNHEALTHY"),
      is_ready: mesh.ready,
      initialized: mesh.initialized,
      status_distribution: distribution(services),
      instance_status_distribution: distribution(instances),
      dependency_resolution_times: Object.fromEntries(
        services.filter(requiresOthers).map((service) => [service.name, resolutionOf(service)]),
      ),
    },
    registry_stats: registryStats(services, instances),
    service_details: Object.fromEntries(services.map((service) => [service.name, detailsOf(service, breaker(service.name))])),
    silent,
  };
}

function distribution(all: readonly Pick<ServiceStatus, "state">[]): OrchestrationMetrics["metrics"]["status_distribution"] {
  const counts = new Map(serviceStates.map((state) => [state, 0]));
  for (const { state } of all) counts.set(state, (counts.get(state) ?? 0) + 1);
  return Object.fromEntries(counts) as Record<ServiceStatus["state"], number>;
}

function requiresOthers({ instances }: ServiceStatus): boolean {
  return instances.some(
    ({ instance, report }) =>
      report?.report.dependencyWaitMs !== undefined || (instance && metaOf(instance).dependencies.some(({ optional }) => !optional)),
  );
}

function resolutionOf({ instances }: ServiceStatus): OrchestrationMetrics["metrics"]["dependency_resolution_times"][string] {
  const times = instances.flatMap(({ report }) => report?.report.dependencyWaitMs ?? []);
  return {
    waited_ms: times.length > 0 ? Math.max(...times) : null,
    waiting_for: instances.find(({ state }) => state === "waiting")?.reason ?? null,
  };
}

function registryStats(services: readonly ServiceStatus[], all: readonly InstanceStatus[]): OrchestrationMetrics["registry_stats"] {
  const registered = all.flatMap(({ instance, endpoint, agent }) => (instance && endpoint ? [{ instance, endpoint, agent }] : []));
  const endpoints = (health: string) =>
    registered.filter(({ endpoint }) => (endpoint.omitted ? "OMITTED" : endpoint.health) === health).length;
  const agents = (agent: InstanceStatus["agent"]) => registered.filter((one) => one.agent === agent).length;
  return {
    total_services: services.filter(({ instances }) => instances.some(({ instance }) => instance)).length,
    total_instances: registered.length,
    endpoints: {
      healthy: endpoints("HEALTHY"),
      degraded: endpoints("DEGRADED"),
      unhealthy: endpoints("UNHEALTHY"),
      draining: endpoints("DRAINING"),
      omitted: endpoints("OMITTED"),
    },
    agents: { reporting: agents("reporting"), silent: agents("silent"), none: agents("none") },
    protocols: counted(registered.map(({ instance }) => metaOf(instance).protocol)),
    versions: counted(registered.flatMap(({ instance }) => metaOf(instance).version?.replace(/^/, `${instance.service} `) ?? [])),
  };
}

function counted(words: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const word of [...words].sort()) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function detailsOf(service: ServiceStatus, breaker: string): OrchestrationMetrics["service_details"][string] {
  const { level, instances, healthy, uptime, responseTimeMs } = service;
  return {
    ...standingOf(service),
    health: level,
    instances: instances.length,
    healthy_instances: healthy,
    uptime_1h: uptime["1h"] ?? null,
    response_time_ms: responseTimeMs ?? null,
    breaker,
  };
}
