/** What a caller's Envoy tries again (REQUIREMENTS R5). */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { percent, percentField } from "../duration.js";
import { type RepeatableMethods, repeatableMethods } from "../hedging/hedging.js";
import { type Backoff, backoffField, backoffOver, defaultBackoff } from "./backoff.js";
import { defaultConditions, onField, type RetryCondition } from "./retry-condition.js";

/** The settings of retries. Times in milliseconds. */
export interface RetrySettings {
  /** Attempts after the first. */
  readonly attempts: number;
  /** What is tried again. */
  readonly on: readonly RetryCondition[];
  /** Which requests are sent twice though somebody may have begun to work on them. */
  readonly methods: RepeatableMethods;
  /** Retries at once, in percent of the active requests to the service. */
  readonly budgetPercent: number;
  /**
   * Retries at once that are always allowed. When one of two instances dies, half of all active requests need a retry in the
   * same instant, which a budget in percent would refuse; these are cheap, since nobody has worked on them yet.
   */
  readonly minConcurrency: number;
  /** Retries at once, in place of the budget. */
  readonly maxConcurrency: number | undefined;
  readonly backoff: Backoff;
  /** An instance that has failed a request does not get it again while there is another. */
  readonly avoidPreviousHosts: boolean;
  /** After so many attempts the priorities that they went to are left out; 0: never. */
  readonly previousPriorities: number;
}

/** The aspect. */
export const retries = aspect({
  schema: z
    .strictObject({
      attempts: z.int().min(0).max(10).optional().describe("Attempts after the first. 2 unless given; 0: none."),
      on: onField.optional(),
      methods: z
        .enum(repeatableMethods)
        .optional()
        .describe(
          "idempotent, the default: a request that somebody may have begun to work on is sent again only if its method is GET, HEAD, OPTIONS, TRACE, PUT or DELETE. all: any, gRPC calls too.",
        ),
      budget: percentField().optional().describe("Retries at once, in percent of the active requests. 20% unless given."),
      minConcurrency: z.int().min(0).max(100_000).optional().describe("Retries at once that the budget always allows. 100 unless given."),
      maxConcurrency: z
        .int()
        .min(0)
        .max(100_000)
        .optional()
        .describe("Retries at once as a number, in place of the budget. None unless given: the budget holds."),
      backoff: backoffField.optional(),
      avoidPreviousHosts: z
        .boolean()
        .optional()
        .describe("An instance that has failed a request does not get it again while there is another. true unless given."),
      previousPriorities: z
        .int()
        .min(0)
        .max(10)
        .optional()
        .describe("After so many attempts they go to another priority, where there are several. 0, never, unless given."),
    })
    .superRefine(({ maxConcurrency, budget, minConcurrency }, { addIssue }) => {
      if (maxConcurrency !== undefined && (budget !== undefined || minConcurrency !== undefined))
        addIssue({ code: "custom", path: ["maxConcurrency"], message: "budget says in another way how many. Keep one of the two" });
    })
    .describe("What is tried again."),
  defaults: {
    attempts: 2,
    on: defaultConditions,
    methods: "idempotent",
    budgetPercent: 20,
    minConcurrency: 100,
    maxConcurrency: undefined,
    backoff: defaultBackoff,
    avoidPreviousHosts: true,
    previousPriorities: 0,
  } satisfies RetrySettings as RetrySettings,
  over(written, below) {
    const { budget, backoff } = written;
    const budgeted = budget !== undefined || written.minConcurrency !== undefined;
    return {
      attempts: written.attempts ?? below.attempts,
      on: written.on ?? below.on,
      methods: written.methods ?? below.methods,
      budgetPercent: budget === undefined ? below.budgetPercent : percent(budget),
      minConcurrency: written.minConcurrency ?? below.minConcurrency,
      maxConcurrency: written.maxConcurrency ?? (budgeted ? undefined : below.maxConcurrency),
      backoff: backoff === undefined ? below.backoff : backoffOver(backoff, below.backoff),
      avoidPreviousHosts: written.avoidPreviousHosts ?? below.avoidPreviousHosts,
      previousPriorities: written.previousPriorities ?? below.previousPriorities,
    };
  },
});
