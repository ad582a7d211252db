/** How a caller's Envoy finds out that an instance fails: failures in a row, and shares of failures. */
import { z } from "zod";
import { percent, wholePercentField } from "../duration.js";

/** How many failures in a row eject, by where they come from; 0: none do. Undefined: as many as `failureThreshold` says. */
export interface ConsecutiveFailures {
  /** Responses with a 5xx status. */
  readonly serverErrors: number | undefined;
  /** Responses with 502, 503 or 504. */
  readonly gatewayErrors: number | undefined;
  /** No connection, no response in time, or one that broke off. */
  readonly localOrigin: number | undefined;
}

/** An instance is ejected whose share of successes is worse than the others' by more than they differ among each other. */
export interface SuccessRate {
  /** Percent of the cases in which it is ejected; 0: the detector is off. */
  readonly enforce: number;
  /** Instances with enough requests below which nobody is judged. */
  readonly minimumHosts: number;
  /** Requests to an instance in one sweep below which it is not judged. */
  readonly requestVolume: number;
  /** It is ejected below mean − this × standard deviation of all shares. */
  readonly stdevFactor: number;
}

/** An instance is ejected whose share of failures reaches a threshold. */
export interface FailurePercentage {
  /** As in `SuccessRate`. */
  readonly enforce: number;
  readonly minimumHosts: number;
  readonly requestVolume: number;
  /** The percentage that ejects. */
  readonly threshold: number;
}

const consecutive = z.int().min(0).max(1_000_000).optional();
const enforce = z.int().min(0).max(100).optional();
const volume = z.int().min(1).max(1_000_000).optional();

/** The field `consecutive`. */
export const consecutiveField = z
  .strictObject({
    serverErrors: consecutive.describe("Responses with a 5xx status. failureThreshold unless given."),
    gatewayErrors: consecutive.describe("Responses with 502, 503 or 504. failureThreshold unless given."),
    localOrigin: consecutive.describe("No connection, no response in time, or one that broke off. failureThreshold unless given."),
  })
  .describe("Failures in a row that eject an instance, by where they come from. 0: none do.");

/** The field `successRate`. */
export const successRateField = z
  .strictObject({
    enforce: enforce.describe("Percent of the cases in which the instance is ejected. 100 where successRate is written; 0: off."),
    minimumHosts: z
      .int()
      .min(2)
      .max(10_000)
      .optional()
      .describe(
        "Nobody is judged while fewer instances have enough requests. 5 unless given. One of n can be at most √(n − 1) standard deviations from the mean, so that it takes at least stdevFactor² + 1.",
      ),
    requestVolume: volume.describe("An instance with fewer requests in one interval is not judged. 100 unless given."),
    stdevFactor: z.number().min(0.1).max(10).optional().describe("Ejected below mean − this × standard deviation. 1.9 unless given."),
  })
  .superRefine(({ minimumHosts = 5, stdevFactor = 1.9 }, { addIssue }) => {
    if (minimumHosts >= stdevFactor ** 2 + 1) return;
    const least = Math.floor(stdevFactor ** 2 + 1) + 1;
    const message = `of ${minimumHosts} instances none is ever ${stdevFactor} standard deviations from the mean. Use at least ${least}, or a smaller stdevFactor`;
    addIssue({ code: "custom", path: ["minimumHosts"], message });
  })
  .describe(
    "Ejects an instance whose share of successes is far below that of the others. Judged at each interval over the requests since the last one. Off unless written.",
  );

/** The field `failurePercentage`. */
export const failurePercentageField = z
  .strictObject({
    enforce: enforce.describe("Percent of the cases in which the instance is ejected. 100 where failurePercentage is written; 0: off."),
    minimumHosts: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe("Nobody is judged while fewer instances have enough requests. 1 unless given."),
    requestVolume: volume.describe("An instance with fewer requests in one interval is not judged. 50 unless given."),
    threshold: wholePercentField(1).optional().describe("The share of failures that ejects. Whole percent; 85% unless given."),
  })
  .describe(
    "Ejects an instance whose share of failures reaches a threshold. Judged at each interval over the requests since the last one: Envoy has no other window, so that monitoringPeriod is not longer than interval here. Off unless written.",
  );

/** What holds without a word. */
export const defaultDetectors = {
  consecutive: { serverErrors: undefined, gatewayErrors: undefined, localOrigin: undefined } satisfies ConsecutiveFailures,
  successRate: { enforce: 0, minimumHosts: 5, requestVolume: 100, stdevFactor: 1.9 } satisfies SuccessRate,
  failurePercentage: { enforce: 0, minimumHosts: 1, requestVolume: 50, threshold: 85 } satisfies FailurePercentage,
};

/** `below` with what was written put over it; whoever writes it wants it. */
export function successRateOver(written: z.output<typeof successRateField>, below: SuccessRate): SuccessRate {
  return {
    enforce: written.enforce ?? 100,
    minimumHosts: written.minimumHosts ?? below.minimumHosts,
    requestVolume: written.requestVolume ?? below.requestVolume,
    stdevFactor: written.stdevFactor ?? below.stdevFactor,
  };
}

/** `below` with what was written put over it; whoever writes it wants it. */
export function failurePercentageOver(written: z.output<typeof failurePercentageField>, below: FailurePercentage): FailurePercentage {
  return {
    enforce: written.enforce ?? 100,
    minimumHosts: written.minimumHosts ?? below.minimumHosts,
    requestVolume: written.requestVolume ?? below.requestVolume,
    threshold: written.threshold === undefined ? below.threshold : percent(written.threshold),
  };
}
