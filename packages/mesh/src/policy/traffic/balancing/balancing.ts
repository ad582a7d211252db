/** How a caller's Envoy chooses among the endpoints of a service (REQUIREMENTS R4). */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds, percent, wholePercentField } from "../duration.js";
import { type HashSource, hashOnField, hashSources } from "./hash-source.js";
import { type BalancingStrategy, balancingStrategies, drawingStrategies, hashStrategies, slowStartStrategies } from "./strategy.js";

/** The settings of balancing. */
export interface BalancingSettings {
  readonly strategy: BalancingStrategy;
  /** How long a new endpoint's share grows to its full size, in milliseconds; 0 = at once. For `slowStartStrategies`. */
  readonly slowStart: number;
  /** Percent of healthy endpoints below which all are tried, whatever their health. Whole numbers. */
  readonly panicThreshold: number;
  /** Endpoints drawn for each request, of which the least busy one is taken. For `drawingStrategies`. */
  readonly choices: number;
  /** What of a request chooses its endpoint; the first that it has. For `hashStrategies`. */
  readonly hashOn: readonly HashSource[];
  /** The most that one endpoint may be busy, in percent of the average; further requests go elsewhere. For `hashStrategies`; undefined = no limit. */
  readonly boundedLoad: number | undefined;
}

const schema = z
  .strictObject({
    strategy: z
      .enum(balancingStrategies)
      .optional()
      .describe(
        "How an instance is chosen. health_based, the default, prefers those that answer fast and without errors; ring_hash and maglev send requests that are alike in hashOn to one instance. All but round_robin and random go by the weights in Consul too.",
      ),
    slowStart: durationField("0s", "15m")
      .optional()
      .describe(
        "How long a new instance's share grows to its full size. 0s: at once. 30s unless given. Not for random, ring_hash and maglev.",
      ),
    panicThreshold: wholePercentField()
      .optional()
      .describe("When fewer of the instances are healthy than this share, all are tried. 1% unless given: only when none is healthy."),
    choices: z
      .int()
      .min(2)
      .max(100)
      .optional()
      .describe(
        "For health_based and least_connections: instances drawn for each request, of which the least busy one is taken. 2 unless given. Counts while all weights are equal and slowStart is 0s; else the least busy of all is taken, by weight.",
      ),
    hashOn: hashOnField.optional(),
    boundedLoad: wholePercentField(100, 900)
      .optional()
      .describe("For ring_hash and maglev: the most that one instance may be busy, in percent of the average. No limit unless given."),
  })
  .superRefine((written, context) => {
    for (const [path, message] of mismatches(written)) context.addIssue({ code: "custom", path: [path], message });
  })
  .describe("How callers choose among the instances.");

/** The aspect. */
export const balancing = aspect({
  schema,
  defaults: {
    strategy: "health_based",
    slowStart: 30_000,
    panicThreshold: 1,
    choices: 2,
    hashOn: [],
    boundedLoad: undefined,
  } satisfies BalancingSettings as BalancingSettings,
  over: ({ strategy, slowStart, panicThreshold, choices, hashOn, boundedLoad }, below) => ({
    strategy: strategy ?? below.strategy,
    slowStart: slowStart === undefined ? below.slowStart : milliseconds(slowStart),
    panicThreshold: panicThreshold === undefined ? below.panicThreshold : percent(panicThreshold),
    choices: choices ?? below.choices,
    hashOn: hashOn ? hashSources(hashOn) : below.hashOn,
    boundedLoad: boundedLoad === undefined ? below.boundedLoad : percent(boundedLoad),
  }),
});

/** Fields that the strategy beside them has no use for, and the one that it cannot do without, each with the fix. */
function mismatches(written: {
  readonly strategy?: BalancingStrategy | undefined;
  readonly slowStart?: string | undefined;
  readonly choices?: number | undefined;
  readonly hashOn?: unknown;
  readonly boundedLoad?: string | undefined;
}): [string, string][] {
  const { strategy } = written;
  if (strategy === undefined) return [];
  const only = (field: string, value: unknown, known: readonly BalancingStrategy[], what: string): [string, string][] =>
    value === undefined || known.includes(strategy)
      ? []
      : [[field, `${strategy} ${what}. Take ${field} out, or use one of the strategies that do: ${known.join(", ")}`]];
  const slow = written.slowStart !== undefined && milliseconds(written.slowStart) > 0 ? written.slowStart : undefined;
  const hashless = hashStrategies.includes(strategy) && written.hashOn === undefined;
  return [
    ...only("slowStart", slow, slowStartStrategies, "has no slow start in Envoy"),
    ...only("choices", written.choices, drawingStrategies, "does not draw among instances"),
    ...only("hashOn", written.hashOn, hashStrategies, "does not look at requests"),
    ...only("boundedLoad", written.boundedLoad, hashStrategies, "has no bound to the load of one instance"),
    ...(hashless
      ? [
          ["hashOn", `is missing: ${strategy} has to know what of a request chooses the instance. Write hashOn: [{ header: x-user }]`] as [
            string,
            string,
          ],
        ]
      : []),
  ];
}
