/** From single check results to a level: thresholds, and nothing else. Pure. */

/** REQUIREMENTS R2: what is known of a service's health. */
export type HealthLevel = "HEALTHY" | "DEGRADED" | "UNHEALTHY" | "UNKNOWN";

/** How many results in a row make a verdict. */
export interface Thresholds {
  /** Failures in a row that make UNHEALTHY; fewer make DEGRADED. */
  readonly failure: number;
  /** Successes in a row that lead from UNHEALTHY or UNKNOWN to HEALTHY. */
  readonly recovery: number;
}

/** What the results so far amount to. */
export interface Verdict {
  readonly level: HealthLevel;
  readonly failures: number;
  readonly successes: number;
}

/** Nothing is known yet. */
export const unknownVerdict: Verdict = { level: "UNKNOWN", failures: 0, successes: 0 };

/** The verdict after one more result. */
export function judge(previous: Verdict, ok: boolean, thresholds: Thresholds): Verdict {
  if (ok) {
    const successes = previous.successes + 1;
    const known = previous.level === "HEALTHY" || previous.level === "DEGRADED";
    return { level: known || successes >= thresholds.recovery ? "HEALTHY" : previous.level, failures: 0, successes };
  }
  const failures = previous.failures + 1;
  if (failures >= thresholds.failure) return { level: "UNHEALTHY", failures, successes: 0 };
  return { level: previous.level === "HEALTHY" ? "DEGRADED" : previous.level, failures, successes: 0 };
}

const order: readonly HealthLevel[] = ["UNHEALTHY", "UNKNOWN", "DEGRADED", "HEALTHY"];

/** The worst of several levels; UNKNOWN when there are none. */
export function worst(levels: readonly HealthLevel[]): HealthLevel {
  return order.find((level) => levels.includes(level)) ?? "UNKNOWN";
}
