/** Instances as `GET /api/instances` shows them. Pure. */
import type { HealthHistoryEntry, InstanceDetail, InstanceStatusView } from "@legation/contract/api";
import { metaOf } from "@legation/mesh";
import { formatAddress } from "@legation/runtime";
import type { InstanceStatus } from "./instance-status.js";

/** One in the list. */
export function instanceStatusViewOf(status: InstanceStatus): InstanceStatusView {
  const { node, id, service, state, reason, since, level, message, endpoint, instance, agent, restartCount, health } = status;
  const meta = instance && metaOf(instance);
  return {
    ...{ node, id, service, status: state, reason, since: since ?? null, health: level, message },
    traffic: endpoint ? (endpoint.omitted ? "OMITTED" : endpoint.health) : "UNREGISTERED",
    trafficReason: endpoint?.reason ?? "Consul does not have it",
    weight: endpoint && !endpoint.omitted ? endpoint.weight : 0,
    version: meta?.version ?? null,
    zone: meta?.zone ?? null,
    address: instance ? formatAddress(instance.address, instance.port) : null,
    agent,
    restartCount,
    lastRestart: status.lastRestart ?? null,
    lastError: status.lastError ?? null,
    uptime: health?.uptime ?? {},
  };
}

/** One with everything that is known of it. */
export function instanceDetailOf(
  status: InstanceStatus,
  o: { readonly history: readonly HealthHistoryEntry[]; readonly silent: readonly string[] },
): InstanceDetail {
  const { instance, report } = status;
  return {
    ...instanceStatusViewOf(status),
    tags: instance?.tags ?? [],
    meta: instance?.meta ?? {},
    checks: instance?.checks ?? [],
    agentVersion: report?.report.agentVersion ?? null,
    admin: report?.report.admin ?? null,
    reportedAt: report ? new Date(report.receivedAt).toISOString() : null,
    healthHistory: o.history,
    silent: o.silent,
  };
}
