/** When an instance that fails is left alone, and when it is tried again (REQUIREMENTS R5, mapped as DESIGN §5 says). */
import { z } from "zod";
import { aspect, said } from "../aspect.js";
import { durationField, milliseconds, percent, wholePercentField } from "../duration.js";
import {
  type ConsecutiveFailures,
  consecutiveField,
  defaultDetectors,
  type FailurePercentage,
  failurePercentageField,
  failurePercentageOver,
  type SuccessRate,
  successRateField,
  successRateOver,
} from "./detectors.js";

/** What becomes of the last endpoints when all fail: they are tried all the same, or requests fail at once. */
export const whenAllFail = ["keep-serving", "fail-fast"] as const;
/** One of `whenAllFail`. */
export type WhenAllFail = (typeof whenAllFail)[number];

/** The settings of the circuit breaker. Times in milliseconds. */
export interface CircuitBreakerSettings {
  /** Failures in a row, of the service or of the way to it, that eject an endpoint. */
  readonly failureThreshold: number;
  readonly consecutive: ConsecutiveFailures;
  readonly successRate: SuccessRate;
  readonly failurePercentage: FailurePercentage;
  /** How long a first ejection lasts; each further one of the same endpoint lasts longer by as much, to at most `maxEjectionTime`. */
  readonly recoveryTimeout: number;
  /** Never shorter in effect than `recoveryTimeout`. */
  readonly maxEjectionTime: number;
  /** Each ejection lasts longer by a random time up to this. */
  readonly ejectionJitter: number;
  /** How much of a service may be ejected at once, in whole percent; undefined: as `whenAllFail` says. */
  readonly maxEjection: number | undefined;
  /** Time between sweeps, which judge shares and end ejections; undefined: `sweepInterval` says. */
  readonly interval: number | undefined;
  /** Successes after which a returned endpoint is shown as closed again. Envoy has no half-open state, so it is not in its resources. */
  readonly successThreshold: number;
  /** The window over which failures are reported. Envoy has none but the interval between sweeps, which is never longer where shares are judged. */
  readonly monitoringPeriod: number;
  readonly whenAllFail: WhenAllFail;
}

/** The aspect. `timeout`, which the sources count among the breaker's fields, is written here and means `timeouts.request`. */
export const circuitBreaker = aspect({
  schema: z
    .strictObject({
      failureThreshold: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe(
          "Failures in a row that eject an instance: 5xx responses, gateway errors, and failures to reach it, each counted apart. 5 unless given.",
        ),
      consecutive: consecutiveField.optional(),
      successRate: successRateField.optional(),
      failurePercentage: failurePercentageField.optional(),
      recoveryTimeout: durationField("100ms", "1h")
        .optional()
        .describe("How long a first ejection lasts; the second lasts twice as long, and so on. 60s unless given."),
      maxEjectionTime: durationField("100ms", "24h")
        .optional()
        .describe("How long an ejection lasts at most. 5m unless given, or recoveryTimeout where that is longer."),
      ejectionJitter: durationField("0s", "1h")
        .optional()
        .describe("Each ejection lasts longer by a random time up to this, so that instances do not return all at once. 0s unless given."),
      maxEjection: wholePercentField()
        .optional()
        .describe(
          "How much of the service may be ejected at once. Whole percent; 99% unless given, which never takes the last instance, and 100% with fail-fast.",
        ),
      interval: durationField("10ms", "1h")
        .optional()
        .describe(
          "Time between sweeps: shares of failures are judged over it, and ejections end on a sweep alone. The shorter of 10s and a sixth of recoveryTimeout unless given; with successRate or failurePercentage not longer than monitoringPeriod.",
        ),
      successThreshold: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe(
          "Successes after which a returned instance is shown as closed again; with healthChecks, checks passed before it returns. Envoy has no half-open state: a returned instance gets its full share. 3 unless given.",
        ),
      timeout: durationField("1ms", "24h").optional().describe("The same as timeouts.request. 30s unless given."),
      monitoringPeriod: durationField("1s", "24h")
        .optional()
        .describe(
          "The window over which failures are reported. Envoy ejects by failures in a row, which have no window, and by shares over interval. 5m unless given.",
        ),
      whenAllFail: z
        .enum(whenAllFail)
        .optional()
        .describe("keep-serving, the default: the last instance is never ejected. fail-fast: all are, and requests fail at once."),
    })
    .superRefine(({ whenAllFail, maxEjection, recoveryTimeout, maxEjectionTime, interval }, { addIssue }) => {
      const flaw = (field: string, message: string) => addIssue({ code: "custom", path: [field], message });
      if (whenAllFail === "fail-fast" && maxEjection !== undefined && percent(maxEjection) < 100)
        flaw("maxEjection", "leaves instances in that fail, and whenAllFail: fail-fast wants none. Keep one of the two");
      if (recoveryTimeout === undefined) return;
      if (maxEjectionTime !== undefined && milliseconds(maxEjectionTime) < milliseconds(recoveryTimeout))
        flaw("maxEjectionTime", `is shorter than recoveryTimeout (${recoveryTimeout}), the first ejection. Make it longer`);
      if (interval !== undefined && milliseconds(interval) > milliseconds(recoveryTimeout))
        flaw("interval", `is longer than recoveryTimeout (${recoveryTimeout}), and ejections end on a sweep alone. Shorten it`);
    })
    .describe("When an instance that fails is left alone, and when it is tried again."),
  defaults: {
    failureThreshold: 5,
    ...defaultDetectors,
    recoveryTimeout: 60_000,
    maxEjectionTime: 300_000,
    ejectionJitter: 0,
    maxEjection: undefined,
    interval: undefined,
    successThreshold: 3,
    monitoringPeriod: 300_000,
    whenAllFail: "keep-serving",
  } satisfies CircuitBreakerSettings as CircuitBreakerSettings,
  over(written, below) {
    const time = <K extends "recoveryTimeout" | "maxEjectionTime" | "ejectionJitter" | "interval" | "monitoringPeriod">(key: K) => {
      const text = written[key];
      return text === undefined ? below[key] : milliseconds(text);
    };
    const { consecutive, successRate, failurePercentage, maxEjection } = written;
    const counted = written.failureThreshold === undefined ? below.consecutive : defaultDetectors.consecutive;
    return {
      failureThreshold: written.failureThreshold ?? below.failureThreshold,
      consecutive: { ...counted, ...said(consecutive ?? {}) },
      successRate: successRate === undefined ? below.successRate : successRateOver(successRate, below.successRate),
      failurePercentage:
        failurePercentage === undefined ? below.failurePercentage : failurePercentageOver(failurePercentage, below.failurePercentage),
      recoveryTimeout: time("recoveryTimeout") ?? below.recoveryTimeout,
      maxEjectionTime: time("maxEjectionTime") ?? below.maxEjectionTime,
      ejectionJitter: time("ejectionJitter") ?? below.ejectionJitter,
      maxEjection: maxEjection === undefined ? below.maxEjection : percent(maxEjection),
      interval: time("interval"),
      successThreshold: written.successThreshold ?? below.successThreshold,
      monitoringPeriod: time("monitoringPeriod") ?? below.monitoringPeriod,
      whenAllFail: written.whenAllFail ?? below.whenAllFail,
    };
  },
});
