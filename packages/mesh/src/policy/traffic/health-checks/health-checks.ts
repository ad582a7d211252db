/** Checks that callers' Envoys make themselves, where Consul's are not enough. */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds } from "../duration.js";
import { grpcCheckField, httpCheckField, tcpCheckField } from "./check-kinds.js";

/** How an instance is asked: an HTTP request, bytes, or gRPC's health service. */
export type HealthCheckKind =
  | ({ readonly kind: "http" } & z.output<typeof httpCheckField>)
  | ({ readonly kind: "tcp" } & z.output<typeof tcpCheckField>)
  | ({ readonly kind: "grpc" } & z.output<typeof grpcCheckField>);

/** The settings of active checks. Times in milliseconds. */
export interface HealthCheckSettings {
  /** Undefined: nobody asks. */
  readonly check: HealthCheckKind | undefined;
  readonly interval: number;
  /** Between checks of a cluster that has never had a request; undefined: as `interval`. */
  readonly idleInterval: number | undefined;
  /** Added to each interval, a random time up to this. */
  readonly jitter: number;
  readonly timeout: number;
  readonly unhealthyThreshold: number;
  /** Checks passed before an instance returns; undefined: the circuit breaker's `successThreshold`. */
  readonly healthyThreshold: number | undefined;
}

const kinds = ["http", "tcp", "grpc"] as const;
const threshold = z.int().min(1).max(1_000).optional();

/** The aspect. */
export const healthChecks = aspect({
  schema: z
    .strictObject({
      enabled: z.boolean().optional().describe("false: nobody asks, whatever wider policies say."),
      http: httpCheckField.optional(),
      tcp: tcpCheckField.optional(),
      grpc: grpcCheckField.optional(),
      interval: durationField("50ms", "1h").optional().describe("Time between checks of one instance. 10s unless given."),
      idleInterval: durationField("50ms", "24h")
        .optional()
        .describe("The same while the caller has never sent a request to the service. interval unless given."),
      jitter: durationField("0s", "1h")
        .optional()
        .describe("A random time up to this is added to each interval, so that callers do not ask all at once. 0s unless given."),
      timeout: durationField("10ms", "1m")
        .optional()
        .describe(
          "A check without an answer has failed after this. 2s unless given. A proxy that starts, or that is told to check, waits for the first checks for as long before it follows.",
        ),
      unhealthyThreshold: threshold.describe(
        "Failed checks in a row after which an instance gets no requests. 3 unless given. With http, a status that is neither expected nor in retriable takes it out at once.",
      ),
      healthyThreshold: threshold.describe(
        "Passed checks in a row after which it gets them again. circuitBreaker.successThreshold unless given.",
      ),
    })
    .superRefine((written, { addIssue }) => {
      const said = kinds.filter((kind) => written[kind] !== undefined);
      if (said.length > 1)
        addIssue({
          code: "custom",
          path: [said[1] ?? ""],
          message: `${said[0]} says already how instances are asked. Keep one of the two`,
        });
      if (written.enabled === false && said.length > 0)
        addIssue({ code: "custom", path: ["enabled"], message: `nobody asks, and ${said[0]} says how. Take one of the two out` });
    })
    .describe(
      "Checks by each caller's proxy, beside Consul's: an instance gets requests where both say that it is well. They go through the instance's own proxy as requests do, so that its intentions have to allow them. Every caller asks every instance: callers × instances / interval checks a second.",
    ),
  defaults: {
    check: undefined,
    interval: 10_000,
    idleInterval: undefined,
    jitter: 0,
    timeout: 2_000,
    unhealthyThreshold: 3,
    healthyThreshold: undefined,
  } satisfies HealthCheckSettings as HealthCheckSettings,
  over(written, below) {
    const { enabled, http, tcp, grpc, interval, idleInterval, jitter, timeout } = written;
    return {
      check: enabled === false ? undefined : (asked({ http, tcp, grpc }) ?? below.check),
      interval: interval === undefined ? below.interval : milliseconds(interval),
      idleInterval: idleInterval === undefined ? below.idleInterval : milliseconds(idleInterval),
      jitter: jitter === undefined ? below.jitter : milliseconds(jitter),
      timeout: timeout === undefined ? below.timeout : milliseconds(timeout),
      unhealthyThreshold: written.unhealthyThreshold ?? below.unhealthyThreshold,
      healthyThreshold: written.healthyThreshold ?? below.healthyThreshold,
    };
  },
});

function asked({
  http,
  tcp,
  grpc,
}: {
  readonly http: z.output<typeof httpCheckField> | undefined;
  readonly tcp: z.output<typeof tcpCheckField> | undefined;
  readonly grpc: z.output<typeof grpcCheckField> | undefined;
}): HealthCheckKind | undefined {
  if (http) return { kind: "http", ...http };
  if (tcp) return { kind: "tcp", ...tcp };
  return grpc && { kind: "grpc", ...grpc };
}
