/** How services stand and how healthy they are, in the words of the orchestration API (REQUIREMENTS R7). Pure. */
import type { OrchestratedHealth, OrchestratedServices } from "@legation/contract/api";
import type { MeshStatus } from "./mesh-status.js";
import type { ServiceStatus } from "./service-status.js";
import { worstLevel } from "./severity.js";

/** What every answer about services is made from: how the mesh stands, those of its services that are shown, and the control planes that were silent. */
export interface Shown {
  readonly mesh: MeshStatus;
  readonly services: readonly ServiceStatus[];
  readonly silent: readonly string[];
}

/** What is said of a service wherever its state is. */
export function standingOf({ state, restartCount, lastRestart, lastError, isCritical }: ServiceStatus) {
  return {
    status: state,
    restart_count: restartCount,
    last_restart: lastRestart ?? null,
    last_error: lastError ?? null,
    is_critical: isCritical,
  };
}

/** The answer of `GET /api/orchestration/services`. */
export function servicesView({ mesh, services, silent }: Shown): OrchestratedServices {
  return {
    success: true,
    total_services: services.length,
    services: Object.fromEntries(services.map((service) => [service.name, { ...standingOf(service), reason: service.reason }])),
    is_ready: mesh.ready,
    initialized: mesh.initialized,
    silent,
  };
}

/** The answer of `GET /api/orchestration/health`. */
export function healthView({ services, silent }: Shown): OrchestratedHealth {
  const named = (level: ServiceStatus["level"]) => services.filter((service) => service.level === level).map(({ name }) => name);
  return {
    status: "ok",
    composite_health: worstLevel(services.map(({ level }) => level)),
    services: Object.fromEntries(services.map((service) => [service.name, healthOf(service)])),
    unhealthy_services: named("UNHEALTHY"),
    degraded_services: named("DEGRADED"),
    silent,
  };
}

function healthOf(service: ServiceStatus): OrchestratedHealth["services"][string] {
  const { level, message, lastCheck, consecutiveFailures, responseTimeMs, uptime, instances, healthy } = service;
  return {
    status: level,
    message,
    last_check: lastCheck ?? null,
    consecutive_failures: consecutiveFailures,
    response_time_ms: responseTimeMs ?? null,
    uptime_1h: uptime["1h"] ?? null,
    uptime_24h: uptime["24h"] ?? null,
    uptime_7d: uptime["7d"] ?? null,
    instances: instances.length,
    healthy_instances: healthy,
  };
}
