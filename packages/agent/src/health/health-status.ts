/** What the agent's API says of the service's health. */
import { type ReportedHealth, reportedTextLength, uptimeWindows } from "@legation/contract";
import type { HealthDocument } from "./document.js";
import type { Health } from "./health.js";
import type { CheckResult, MonitorState } from "./monitor.js";
import type { Uptimes } from "./uptime.js";
import type { HealthLevel } from "./verdict.js";

/** A look; the time is RFC 3339. */
export type ResultStatus = Omit<CheckResult, "at"> & { readonly at: string };

/** One check now. */
export interface CheckStatus {
  readonly level: HealthLevel;
  /** The cause of the level; it and `output` changed last when the level did. */
  readonly message: string;
  readonly output?: string;
  /** In a row. */
  readonly failures: number;
  readonly successes: number;
  /** The last look, and what the application said at it. */
  readonly last?: ResultStatus & { readonly output?: string };
  /** What the service said of itself, if it gives a health document. */
  readonly document?: HealthDocument;
}

/** `health` in `GET /status`. */
export interface HealthStatus {
  readonly level: HealthLevel;
  readonly message: string;
  readonly checks: Readonly<Record<string, CheckStatus>>;
  readonly uptime: Uptimes;
  /** The last 100 looks, oldest first. */
  readonly history: readonly ResultStatus[];
}

/** The answer to `POST /check-now`. */
export interface CheckNowReport {
  readonly success: true;
  readonly timestamp: string;
  readonly level: HealthLevel;
  /** One for each check, with the level that it has now. */
  readonly results: readonly (ResultStatus & { readonly level: HealthLevel })[];
}

/** The health as `GET /status` shows it. */
export function healthStatusOf(health: Health): HealthStatus {
  return {
    level: health.level,
    message: health.message,
    checks: Object.fromEntries(Object.entries(health.checks).map(([name, state]) => [name, checkStatus(state)])),
    uptime: health.uptime,
    history: health.history.map(resultStatus),
  };
}

/** The health as a control plane is told it. */
export function reportedHealth({
  level,
  message,
  checks,
  uptime,
}: Pick<Health, "level" | "message" | "checks" | "uptime">): ReportedHealth {
  const states = Object.values(checks);
  const [last] = states.flatMap((state) => state.last ?? []).sort((one, other) => other.at - one.at);
  const percents = uptimeWindows.flatMap((window) => {
    const { percent } = uptime[window];
    return percent === undefined ? [] : [[window, percent] as const];
  });
  return {
    level,
    message: message.slice(0, reportedTextLength),
    consecutiveFailures: Math.max(0, ...states.map(({ failures }) => failures)),
    ...(last ? { lastCheck: new Date(last.at).toISOString(), responseTimeMs: last.responseTimeMs } : {}),
    uptime: Object.fromEntries(percents),
  };
}

/** Looks now with every check, and says what came of it. */
export async function checkNow(health: Health, now: () => number): Promise<CheckNowReport> {
  const results = await health.checkNow();
  const { level, checks } = health;
  const timestamp = new Date(now()).toISOString();
  return {
    success: true,
    timestamp,
    level,
    results: results.map((result) => ({ ...resultStatus(result), level: checks[result.check]?.level ?? "UNKNOWN" })),
  };
}

function checkStatus({ last, ...state }: MonitorState): CheckStatus {
  return last ? { ...state, last: resultStatus(last) } : state;
}

function resultStatus<T extends CheckResult>(result: T): Omit<T, "at"> & { readonly at: string } {
  return { ...result, at: new Date(result.at).toISOString() };
}
