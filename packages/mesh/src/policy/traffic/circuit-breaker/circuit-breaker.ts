/** When an instance that fails is left alone, and when it is tried again (REQUIREMENTS R5, mapped as DESIGN §5 says). */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds } from "../duration.js";

/** What becomes of the last endpoints when all fail: they are tried all the same, or requests fail at once. */
export const whenAllFail = ["keep-serving", "fail-fast"] as const;
/** One of `whenAllFail`. */
export type WhenAllFail = (typeof whenAllFail)[number];

/** The settings of the circuit breaker. Times in milliseconds. */
export interface CircuitBreakerSettings {
  /** Failures in a row, of the service or of the way to it, that eject an endpoint. */
  readonly failureThreshold: number;
  /** How long a first ejection lasts; each further one of the same endpoint lasts longer by as much, to at most 5 minutes. */
  readonly recoveryTimeout: number;
  /** Successes after which a returned endpoint is shown as closed again. Envoy has no half-open state, so it is not in its resources. */
  readonly successThreshold: number;
  /** The window over which failures are reported. Envoy counts failures in a row and has no window, so it is not in its resources. */
  readonly monitoringPeriod: number;
  readonly whenAllFail: WhenAllFail;
}

/** The aspect. `timeout`, which the sources count among the breaker's fields, is written here and means `timeouts.request`. */
export const circuitBreaker = aspect({
  schema: z
    .strictObject({
      failureThreshold: z.int().min(1).max(1_000_000).optional().describe("Failures in a row that eject an instance. 5 unless given."),
      recoveryTimeout: durationField("100ms", "1h").optional().describe("How long a first ejection lasts. 60s unless given."),
      successThreshold: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe("Successes after which a returned instance is shown as closed again. 3 unless given."),
      timeout: durationField("1ms", "24h").optional().describe("The same as timeouts.request. 30s unless given."),
      monitoringPeriod: durationField("1s", "24h").optional().describe("The window over which failures are reported. 5m unless given."),
      whenAllFail: z
        .enum(whenAllFail)
        .optional()
        .describe("keep-serving, the default: the last instance is never ejected. fail-fast: all are, and requests fail at once."),
    })
    .describe("When an instance that fails is left alone, and when it is tried again."),
  defaults: {
    failureThreshold: 5,
    recoveryTimeout: 60_000,
    successThreshold: 3,
    monitoringPeriod: 300_000,
    whenAllFail: "keep-serving",
  } satisfies CircuitBreakerSettings as CircuitBreakerSettings,
  over: (written, below) => ({
    failureThreshold: written.failureThreshold ?? below.failureThreshold,
    recoveryTimeout: written.recoveryTimeout === undefined ? below.recoveryTimeout : milliseconds(written.recoveryTimeout),
    successThreshold: written.successThreshold ?? below.successThreshold,
    monitoringPeriod: written.monitoringPeriod === undefined ? below.monitoringPeriod : milliseconds(written.monitoringPeriod),
    whenAllFail: written.whenAllFail ?? below.whenAllFail,
  }),
});
