/** One service, in the words of the orchestration API (REQUIREMENTS R7), with what its agents remember of its checks. Pure. */
import { instanceKey } from "@legation/contract";
import type { HealthHistoryEntry, OrchestratedService } from "@legation/contract/api";
import type { ServiceGraph } from "@legation/contract/graph";
import { metaOf } from "@legation/mesh";
import { formatAddress } from "@legation/runtime";
import { typeOf } from "./dependencies-view.js";
import type { ServiceStatus } from "./service-status.js";
import { standingOf } from "./services-view.js";

/** Looks that an answer about a service holds at most. */
export const historyShown = 100;

/** The answer of `GET /api/orchestration/service/{name}`. */
export function serviceDetailView(
  service: ServiceStatus,
  o: {
    readonly graph: ServiceGraph;
    /** Services that the caller may read; of the others none is named as a dependent. */
    readonly readable: ReadonlySet<string>;
    readonly history: readonly HealthHistoryEntry[];
    readonly silent: readonly string[];
  },
): OrchestratedService {
  const { required = [], optional = [], dependents = [], layer = 1 } = o.graph.services.get(service.name) ?? {};
  return {
    success: true,
    service: service.name,
    ...standingOf(service),
    reason: service.reason,
    health: service.level,
    dependencies: { required, optional, dependents: dependents.filter((name) => o.readable.has(name)), layer },
    health_history: [...o.history].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1)).slice(-historyShown),
    registry_metadata: registryMetadata(service),
    instances: service.instances.map(({ node, id, state, reason, level, restartCount, lastRestart, lastError, health }) => ({
      instance: instanceKey(node, id),
      status: state,
      reason,
      health: level,
      restart_count: restartCount,
      last_restart: lastRestart ?? null,
      last_error: lastError ?? null,
      uptime_1h: health?.uptime["1h"] ?? null,
      uptime_24h: health?.uptime["24h"] ?? null,
      uptime_7d: health?.uptime["7d"] ?? null,
    })),
    silent: o.silent,
  };
}

function registryMetadata(service: ServiceStatus): OrchestratedService["registry_metadata"] {
  const registered = service.instances.flatMap(({ instance }) => instance ?? []);
  return {
    type: typeOf(service),
    protocols: distinct(registered.map((instance) => metaOf(instance).protocol)),
    versions: distinct(registered.flatMap((instance) => metaOf(instance).version ?? [])),
    tags: distinct(registered.flatMap(({ tags }) => tags)),
    instances: registered.map(({ node, id, address, port, tags, meta }) => ({
      node,
      id,
      address: formatAddress(address, port),
      tags,
      meta,
    })),
  };
}

function distinct(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
