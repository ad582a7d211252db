/** From single check results to a level: thresholds, and nothing else. Pure. */
import type { HealthLevel } from "@legation/contract";

export type { HealthLevel };

/** What one look came to: `warn` is a pass by a service that says of itself that it is degraded. */
export type Outcome = "pass" | "warn" | "fail";

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

/** The verdict after one more result. A `warn` counts as a success, and the level that it leads to is DEGRADED. */
export function judge(previous: Verdict, outcome: Outcome, thresholds: Thresholds): Verdict {
  if (outcome !== "fail") {
    const successes = previous.successes + 1;
    const known = isUp(previous.level);
    const up = outcome === "warn" ? "DEGRADED" : "HEALTHY";
    return { level: known || successes >= thresholds.recovery ? up : previous.level, failures: 0, successes };
  }
  const failures = previous.failures + 1;
  if (failures >= thresholds.failure) return { level: "UNHEALTHY", failures, successes: 0 };
  return { level: isUp(previous.level) ? "DEGRADED" : previous.level, failures, successes: 0 };
}

/** True for the levels at which a service takes requests. */
export function isUp(level: HealthLevel): level is "HEALTHY" | "DEGRADED" {
  return level === "HEALTHY" || level === "DEGRADED";
}

const order: readonly HealthLevel[] = ["UNHEALTHY", "UNKNOWN", "DEGRADED", "HEALTHY"];

/** The worst of several levels; UNKNOWN when there are none. */
export function worst(levels: readonly HealthLevel[]): HealthLevel {
  return order.find((level) => levels.includes(level)) ?? "UNKNOWN";
}
