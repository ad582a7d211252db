/** Which of several states, and of several levels of health, is the worst: it is that of the whole. Pure. */
import type { HealthLevel, ServiceState } from "@legation/contract";

/**
 * States from the best to the worst. What is on its way to serve, or leaves as it was told, is better than what nobody knows of; that is better than
 * what has come to an end by itself.
 */
export const statesBySeverity: readonly ServiceState[] = [
  "running",
  "draining",
  "starting",
  "waiting",
  "pending",
  "stopping",
  "stopped",
  "unknown",
  "backing_off",
  "unhealthy",
  "failed",
];

/** Levels from the best to the worst; UNKNOWN says nothing, and counts only where there is nothing else (REQUIREMENTS R2). */
export const levelsBySeverity: readonly HealthLevel[] = ["UNKNOWN", "HEALTHY", "DEGRADED", "UNHEALTHY"];

/** The worst of these states; `unknown` for none. */
export function worstState(states: readonly ServiceState[]): ServiceState {
  return worst(states, statesBySeverity) ?? "unknown";
}

/** The worst of these levels; UNKNOWN for none. */
export function worstLevel(levels: readonly HealthLevel[]): HealthLevel {
  return worst(levels, levelsBySeverity) ?? "UNKNOWN";
}

function worst<T>(given: readonly T[], order: readonly T[]): T | undefined {
  return given.reduce<T | undefined>(
    (found, one) => (found === undefined || order.indexOf(one) > order.indexOf(found) ? one : found),
    undefined,
  );
}
