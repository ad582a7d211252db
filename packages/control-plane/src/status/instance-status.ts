/** How one instance stands, from what Consul has of it and what its agent says: one answer, the same at every replica. Pure. */
import type { HealthLevel, ReportedHealth, ServiceState } from "@legation/contract";
import { type Endpoint, type Instance, isServing, type Omission } from "@legation/mesh";
import type { SharedReport } from "./shared-reports.js";

/** How an instance stands. */
export interface InstanceStatus {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  /** What its agent says; `unknown` without an agent, and with one that has fallen silent. */
  readonly state: ServiceState;
  /** Why it is in this state, in words that stay the same as long as that does. */
  readonly reason: string;
  /** Since when; RFC 3339. Absent where nobody says. */
  readonly since?: string;
  readonly level: HealthLevel;
  /** The cause of the level. */
  readonly message: string;
  readonly restartCount: number;
  /** RFC 3339. */
  readonly lastRestart?: string;
  readonly lastError?: string;
  /** What its checks found; as its agent said last. */
  readonly health?: ReportedHealth;
  /** Whether its agent tells of it. */
  readonly agent: "reporting" | "silent" | "none";
  readonly report?: SharedReport;
  /** Its registration; absent when Consul has none. */
  readonly instance?: Instance;
  /** What it is in the proxies; absent like `instance`. */
  readonly endpoint?: Endpoint | Omission;
}

/** What is known of an instance. One of the two is there. */
export interface InstanceSources {
  readonly registered?: { readonly instance: Instance; readonly endpoint: Endpoint | Omission };
  /** Of this instance's service: what is said of another one under the same key does not count. */
  readonly report?: SharedReport;
}

/** Puts the two together (STATUS.md); undefined where there is neither. */
export function statusOf({ registered, report }: InstanceSources): InstanceStatus | undefined {
  const named = registered?.instance ?? report?.report;
  if (!named) return undefined;
  const { node, id, service } = named;
  const said = report?.report;
  return {
    node,
    id,
    service,
    ...standing(registered, report),
    ...levelOf(registered, report),
    restartCount: said?.restartCount ?? 0,
    ...(said?.lastRestart === undefined ? {} : { lastRestart: said.lastRestart }),
    ...(said?.lastError === undefined ? {} : { lastError: said.lastError }),
    ...(said?.health === undefined ? {} : { health: said.health }),
    agent: report ? (report.silent ? "silent" : "reporting") : "none",
    ...(report ? { report } : {}),
    ...registered,
  };
}

/** Gone of its own will or by its end: registered nowhere, and its agent has said so or says nothing any more. It counts only where nothing else of its service is left. */
export function isGone({ instance, state, agent }: InstanceStatus): boolean {
  return instance === undefined && (state === "stopped" || agent !== "reporting");
}

/** Proxies send it requests, and nothing speaks against it: one that is tried only because no other is left is not healthy. */
export function isHealthy({ endpoint, level }: InstanceStatus): boolean {
  return endpoint !== undefined && isServing(endpoint) && level !== "UNHEALTHY";
}

function standing(
  registered: InstanceSources["registered"],
  report: SharedReport | undefined,
): Pick<InstanceStatus, "state" | "reason" | "since"> {
  if (!report) {
    const known = registered?.endpoint.reason ?? "";
    return { state: "unknown", reason: `no agent reports; Consul says: ${known}` };
  }
  const { state, reason, lastError, since } = report.report;
  if (!report.silent) return { state, reason: reason ?? lastError ?? state, ...(since === undefined ? {} : { since }) };
  const heard = new Date(report.receivedAt).toISOString();
  return { state: "unknown", reason: `its agent has said nothing since ${heard}; it was ${state} then`, since: heard };
}

const ended: readonly ServiceState[] = ["backing_off", "unhealthy", "failed"];

function levelOf(registered: InstanceSources["registered"], report: SharedReport | undefined): Pick<InstanceStatus, "level" | "message"> {
  if (report && !report.silent) {
    const { state, reason, lastError, health } = report.report;
    if (health && health.level !== "UNKNOWN") return { level: health.level, message: health.message };
    // Its checks pause while there is nothing to look at.
    if (ended.includes(state)) return { level: "UNHEALTHY", message: lastError ?? reason ?? state };
    if (health || !registered) return { level: "UNKNOWN", message: health?.message ?? reason ?? state };
  }
  if (!registered) return { level: "UNKNOWN", message: "nobody tells of it" };
  const { checks } = registered.instance;
  const level =
    checks.length === 0 ? "UNKNOWN" : (levels.find(([status]) => checks.some((check) => check.status === status))?.[1] ?? "HEALTHY");
  return { level, message: `Consul says: ${registered.endpoint.reason}` };
}

const levels = [
  ["critical", "UNHEALTHY"],
  ["warning", "DEGRADED"],
] as const;
