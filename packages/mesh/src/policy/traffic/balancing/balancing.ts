/** How a caller's Envoy chooses among the endpoints of a service (REQUIREMENTS R4). */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds, percent, percentField } from "../duration.js";

/** How a caller's Envoy may choose among a service's endpoints. */
export const balancingStrategies = ["health_based", "least_connections", "round_robin", "weighted_round_robin", "random"] as const;
/** One of `balancingStrategies`. */
export type BalancingStrategy = (typeof balancingStrategies)[number];

/** The settings of balancing. */
export interface BalancingSettings {
  readonly strategy: BalancingStrategy;
  /** How long a new endpoint's share grows to its full size, in milliseconds; 0 = at once. Least-request and round robin know it. */
  readonly slowStart: number;
  /** Percent of healthy endpoints below which all are tried, whatever their health. Whole numbers; Envoy rounds. */
  readonly panicThreshold: number;
}

/** The aspect. */
export const balancing = aspect({
  schema: z
    .strictObject({
      strategy: z
        .enum(balancingStrategies)
        .optional()
        .describe("How an endpoint is chosen. health_based, the default, prefers those that answer fast and without errors."),
      slowStart: durationField("0s", "15m")
        .optional()
        .describe("How long a new instance's share grows to its full size. 0s: at once. 30s unless given."),
      panicThreshold: percentField()
        .optional()
        .describe("When fewer of the instances are healthy than this share, all are tried. 1% unless given: only when none is healthy."),
    })
    .describe("How callers choose among the instances."),
  defaults: { strategy: "health_based", slowStart: 30_000, panicThreshold: 1 } satisfies BalancingSettings as BalancingSettings,
  over: ({ strategy, slowStart, panicThreshold }, below) => ({
    strategy: strategy ?? below.strategy,
    slowStart: slowStart === undefined ? below.slowStart : milliseconds(slowStart),
    panicThreshold: panicThreshold === undefined ? below.panicThreshold : Math.round(percent(panicThreshold)),
  }),
});
