/** How a service stands: the worst of its instances, and what they are together. Pure. */
import type { HealthLevel, ServiceState, uptimeWindows } from "@legation/contract";
import { type InstanceStatus, isGone, isHealthy } from "./instance-status.js";
import { statesBySeverity, worstLevel, worstState } from "./severity.js";

/** The tag of a service without which the mesh is not ready. */
export const criticalTag = "critical";

/** How a service stands. */
export interface ServiceStatus {
  readonly name: string;
  readonly state: ServiceState;
  /** Why: that of its worst instance. */
  readonly reason: string;
  readonly level: HealthLevel;
  /** The cause of the level, of the first instance that has it. */
  readonly message: string;
  /** Of all instances together. */
  readonly restartCount: number;
  /** The newest; RFC 3339. */
  readonly lastRestart?: string;
  /** Of the worst instance that has one. */
  readonly lastError?: string;
  readonly isCritical: boolean;
  /** The newest; RFC 3339. */
  readonly lastCheck?: string;
  /** The largest of an instance. */
  readonly consecutiveFailures: number;
  /** The longest of an instance, milliseconds. */
  readonly responseTimeMs?: number;
  /** The smallest of an instance, percent; a window without any is absent. */
  readonly uptime: Readonly<Partial<Record<(typeof uptimeWindows)[number], number>>>;
  /** Instances that proxies send requests to, and that nothing speaks against. */
  readonly healthy: number;
  /** Those that count, by node and ID. */
  readonly instances: readonly InstanceStatus[];
}

/** Puts the instances of a service together. Those that are gone count only where no other is left. Gives `before` back where they are the same objects. */
export function serviceStatusOf(name: string, all: readonly InstanceStatus[], before?: ServiceStatus): ServiceStatus {
  const left = all.filter((status) => !isGone(status));
  const instances = left.length > 0 ? left : all;
  if (before?.instances.length === instances.length && instances.every((status, i) => status === before.instances[i])) return before;
  const state = worstState(instances.map((status) => status.state));
  const level = worstLevel(instances.map((status) => status.level));
  const worst = instances.find((status) => status.state === state);
  const cause = instances.find((status) => status.level === level);
  const erring = [...instances].sort((a, b) => severity(b) - severity(a)).find(({ lastError }) => lastError !== undefined);
  const lastRestart = newest(instances.map((status) => status.lastRestart));
  const lastCheck = newest(instances.map(({ health }) => health?.lastCheck));
  const times = instances.flatMap(({ health }) => health?.responseTimeMs ?? []);
  return {
    name,
    state,
    reason: worst ? named(worst, worst.reason, instances.length) : "it has no instance",
    level,
    message: cause ? named(cause, cause.message, instances.length) : "it has no instance",
    restartCount: instances.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ...(lastRestart === undefined ? {} : { lastRestart }),
    ...(erring?.lastError === undefined ? {} : { lastError: erring.lastError }),
    isCritical: instances.some(({ instance }) => instance?.tags.includes(criticalTag)),
    ...(lastCheck === undefined ? {} : { lastCheck }),
    consecutiveFailures: instances.reduce((most, { health }) => Math.max(most, health?.consecutiveFailures ?? 0), 0),
    ...(times.length > 0 ? { responseTimeMs: Math.max(...times) } : {}),
    uptime: lowestUptime(instances),
    healthy: instances.filter(isHealthy).length,
    instances,
  };
}

function severity({ state }: InstanceStatus): number {
  return statesBySeverity.indexOf(state);
}

/** Of several it matters which. */
function named({ node, id }: InstanceStatus, words: string, of: number): string {
  return of > 1 ? `${node}/${id}: ${words}` : words;
}

function newest(times: readonly (string | undefined)[]): string | undefined {
  return times.reduce((found, time) => (time !== undefined && (found === undefined || time > found) ? time : found), undefined);
}

function lowestUptime(instances: readonly InstanceStatus[]): ServiceStatus["uptime"] {
  const lowest: { -readonly [K in keyof ServiceStatus["uptime"]]: ServiceStatus["uptime"][K] } = {};
  for (const { health } of instances)
    for (const [window, percent] of Object.entries(health?.uptime ?? {}) as [keyof typeof lowest, number][])
      lowest[window] = Math.min(lowest[window] ?? 100, percent);
  return lowest;
}
