/** One numbered step of the stop order (DRAIN.md): run within a limit, logged with its duration and outcome. */
import type { Clock, Logger } from "@legation/runtime";

/** A step that is over. */
export interface StepReport {
  /** As numbered in DRAIN.md: "1", "2", "2b", … */
  readonly step: string;
  readonly action: string;
  readonly outcome: string;
  readonly ms: number;
}

/** Runs steps one after the other and remembers them. */
export interface Steps {
  readonly reports: readonly StepReport[];
  /** Runs one step; its outcome is what `run` resolves to, or how it failed. Never rejects: leaving goes on. */
  run(step: string, action: string, run: () => Promise<string>): Promise<void>;
}

/** Creates an empty list of steps. */
export function createSteps(clock: Clock, log: Logger): Steps {
  const reports: StepReport[] = [];
  return {
    reports,
    async run(step, action, run) {
      const began = clock.monotonic();
      let outcome: string;
      let failed = false;
      try {
        outcome = await run();
      } catch (error) {
        outcome = (error as Error).message;
        failed = true;
      }
      const ms = Math.round(clock.monotonic() - began);
      reports.push({ step, action, outcome, ms });
      log[failed ? "warn" : "info"]({ event: "leave.step", step, action, outcome, ms }, `step ${step}, ${action}: ${outcome} (${ms} ms)`);
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
