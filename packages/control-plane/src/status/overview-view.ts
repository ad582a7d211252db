/** The health and the figures of all services at a glance, as `GET /services/health` and `GET /services/stats` show them. Pure. */
import type { BreakerView, ServicesHealth, ServicesStats } from "@legation/contract/api";
import type { ServiceStatus } from "./service-status.js";
import type { Shown } from "./services-view.js";
import { worstLevel } from "./severity.js";

/** The answer of `GET /services/health`. */
export function servicesHealthView({ services, silent }: Shown): ServicesHealth {
  const count = (level: ServiceStatus["level"]) => services.filter((service) => service.level === level).length;
  return {
    status: worstLevel(services.map(({ level }) => level)),
    total: services.length,
    healthy: count("HEALTHY"),
    degraded: count("DEGRADED"),
    unhealthy: count("UNHEALTHY"),
    unknown: count("UNKNOWN"),
    services: Object.fromEntries(services.map((service) => [service.name, serviceHealthOf(service)])),
    silent,
  };
}

function serviceHealthOf({ level, message, instances }: ServiceStatus): ServicesHealth["services"][string] {
  return {
    status: level,
    message,
    instances: instances.map((instance) => ({
      node: instance.node,
      id: instance.id,
      status: instance.level,
      message: instance.message,
      lastCheck: instance.health?.lastCheck ?? null,
      responseTimeMs: instance.health?.responseTimeMs ?? null,
      consecutiveFailures: instance.health?.consecutiveFailures ?? 0,
      uptime: instance.health?.uptime ?? {},
    })),
  };
}

/** What of a service stands in no status. */
export interface ServiceFigures {
  /** How requests are spread. */
  strategy(service: string): string;
  breaker(service: string): BreakerView;
}

/** The answer of `GET /services/stats`. */
export function servicesStatsView({ services, silent }: Shown, figures: ServiceFigures): ServicesStats {
  const all = services.flatMap(({ instances }) => instances);
  return {
    totalServices: services.length,
    totalInstances: all.length,
    healthyInstances: services.reduce((sum, { healthy }) => sum + healthy, 0),
    services: Object.fromEntries(services.map((service) => [service.name, statsOf(service, figures.strategy(service.name))])),
    circuitBreaker: Object.fromEntries(services.map(({ name }) => [name, figures.breaker(name)])),
    silent,
  };
}

function statsOf(
  { state, instances, healthy, restartCount, responseTimeMs }: ServiceStatus,
  strategy: string,
): ServicesStats["services"][string] {
  const answers = instances.flatMap(({ report }) => report?.report.answers ?? []);
  return {
    status: state,
    strategy,
    instances: instances.length,
    healthyInstances: healthy,
    restarts: restartCount,
    requests: answers.reduce((sum, { requests }) => sum + requests, 0),
    failures: answers.reduce((sum, { failures }) => sum + failures, 0),
    responseTimeMs: responseTimeMs ?? null,
  };
}
