/** What a caller's Envoy tries again (REQUIREMENTS R5). */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds, percent, percentField } from "../duration.js";

/** The settings of retries. Times in milliseconds. */
export interface RetrySettings {
  /** Attempts after the first. */
  readonly attempts: number;
  /** Retries at once, in percent of the active requests to the service. */
  readonly budgetPercent: number;
  /**
   * Retries at once that are always allowed. When one of two instances dies, half of all active requests need a retry in the
   * same instant, which a budget in percent would refuse; these are cheap, since nobody has worked on them yet.
   */
  readonly minConcurrency: number;
  /** The first wait between attempts, and the longest; both are jittered by Envoy. */
  readonly backoff: { readonly base: number; readonly max: number };
}

/** The aspect. */
export const retries = aspect({
  schema: z
    .strictObject({
      attempts: z.int().min(0).max(10).optional().describe("Attempts after the first. 2 unless given; 0: none."),
      budget: percentField().optional().describe("Retries at once, in percent of the active requests. 20% unless given."),
      minConcurrency: z.int().min(0).max(100_000).optional().describe("Retries at once that are always allowed. 100 unless given."),
      backoff: z
        .strictObject({
          base: durationField("1ms", "1m").optional().describe("The first wait. 25ms unless given."),
          max: durationField("1ms", "5m").optional().describe("The longest wait. Ten times the first unless given."),
        })
        .optional()
        .describe("The waits between attempts, which are jittered."),
    })
    .describe("What is tried again."),
  defaults: {
    attempts: 2,
    budgetPercent: 20,
    minConcurrency: 100,
    backoff: { base: 25, max: 250 },
  } satisfies RetrySettings as RetrySettings,
  over({ attempts, budget, minConcurrency, backoff }, below) {
    const base = backoff?.base === undefined ? below.backoff.base : milliseconds(backoff.base);
    const longest = backoff?.base === undefined ? below.backoff.max : 10 * base;
    return {
      attempts: attempts ?? below.attempts,
      budgetPercent: budget === undefined ? below.budgetPercent : percent(budget),
      minConcurrency: minConcurrency ?? below.minConcurrency,
      backoff: { base, max: Math.max(base, backoff?.max === undefined ? longest : milliseconds(backoff.max)) },
    };
  },
});
