/** One numbered step of the start or stop order (DRAIN.md): run within a limit, logged with its duration and outcome. */
import type { Clock, Logger } from "@legation/runtime";

/** A step that is over. */
export interface StepReport {
  /** As numbered in DRAIN.md: "1", "2", "2b", … */
  readonly step: string;
  readonly action: string;
  readonly outcome: string;
  readonly ms: number;
  /** Who had not done their part when the step's limit passed. */
  readonly laggards?: readonly string[];
}

/** How a step ended: in words, and with the names of those who did not do their part. */
export type StepOutcome = string | { readonly outcome: string; readonly laggards: readonly string[] };

/** Runs steps one after the other and remembers them. */
export interface Steps {
  readonly reports: readonly StepReport[];
  /** Runs one step; its outcome is what `run` resolves to, or how it failed. Never rejects: leaving goes on. */
  run(step: string, action: string, run: () => Promise<StepOutcome>): Promise<void>;
}

/** Creates an empty list of steps; each is logged as `event`. */
export function createSteps(clock: Clock, log: Logger, event: "leave.step" | "arrive.step" = "leave.step"): Steps {
  const reports: StepReport[] = [];
  return {
    reports,
    async run(step, action, run) {
      const began = clock.monotonic();
      let ended: StepOutcome;
      let failed = false;
      try {
        ended = await run();
      } catch (error) {
        ended = (error as Error).message;
        failed = true;
      }
      const { outcome, laggards } = typeof ended === "string" ? { outcome: ended, laggards: [] } : ended;
      const ms = Math.round(clock.monotonic() - began);
      const report: StepReport = { step, action, outcome, ms, ...(laggards.length > 0 ? { laggards } : {}) };
      reports.push(report);
      const level = failed || laggards.length > 0 ? "warn" : "info";
      log[level]({ event, ...report }, `step ${step}, ${action}: ${outcome} (${ms} ms)`);
    },
  };
}

/** Sleeps, or returns early with false when `hurry` aborts. */
export async function pause(clock: Clock, ms: number, hurry: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, hurry);
    return true;
  } catch (error) {
    if (hurry.aborted) return false;
    throw error;
  }
}
