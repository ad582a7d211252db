/** What an operator has done to services through a control plane: restarts and checks, with what came of them at each instance. */
import { z } from "zod";
import { healthLevels, serviceStates } from "../channel.js";
import { count, time } from "./scalar.js";
import type { View } from "./view.js";

const level = z.enum(healthLevels);
const silent = z.array(z.string()).describe("The control planes that did not answer, each with the reason.");
const instanceName = z.string().describe("`<Consul node>/<service id>`.");

/** How long a restart is waited for unless the body says it, and at most; milliseconds. */
export const restartWait = { default: 60_000, max: 600_000 } as const;

/** The body of `POST /api/orchestration/restart/{name}`. */
export const restartOrder = z
  .strictObject({
    force: z.boolean().optional().describe("Restart although the attempts are used up, and count them anew."),
    instance: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe("Only this one: `<Consul node>/<service id>`, or the ID where the service has it once."),
    wait_ms: z
      .int()
      .min(0)
      .max(restartWait.max)
      .optional()
      .describe(
        `How long the answer is waited for; milliseconds, ${restartWait.default} unless given. What is under way goes on after it.`,
      ),
  })
  .meta({ id: "RestartOrder", description: "What is to be restarted, and how." });
/** See `restartOrder`. */
export type RestartOrder = View<typeof restartOrder>;

/** The answer of `POST /api/orchestration/restart/{name}`. */
export const restartAnswer = z
  .object({
    success: z.boolean().describe("False when an instance failed, or refused: those behind it were then left alone."),
    service: z.string(),
    status: z.enum(serviceStates).describe("Of the service now."),
    restart_count: count,
    last_restart: time.nullable(),
    message: z.string().describe("What became of it, in a sentence."),
    instances: z
      .array(
        z.object({
          instance: instanceName,
          outcome: z.enum(["restarted", "failed", "under-way", "not-begun", "no-agent"]),
          message: z.string(),
        }),
      )
      .describe("One after the other, those first that serve nobody; each has its traffic back before the next one begins."),
    silent,
  })
  .meta({ id: "RestartAnswer", description: "What became of a restart." });
/** See `restartAnswer`. */
export type RestartAnswer = View<typeof restartAnswer>;

/** How long `check-now` waits for agents unless the body says it, and at most; milliseconds. */
export const checkNowWait = { default: 10_000, max: 60_000 } as const;

/** The body of `POST /api/orchestration/health/check-now`. */
export const checkNowOrder = z
  .strictObject({
    service: z.string().min(1).max(256).optional().describe("Only this service."),
    instance: z.string().min(1).max(512).optional().describe("Only this instance of it: `<Consul node>/<service id>`, or the ID."),
    limit_ms: z
      .int()
      .min(1)
      .max(checkNowWait.max)
      .optional()
      .describe(`How long the agents may take, all of them together; milliseconds, ${checkNowWait.default} unless given.`),
  })
  .refine(({ service, instance }) => instance === undefined || service !== undefined, {
    path: ["service"],
    error: "say of which service the instance is",
  })
  .meta({ id: "CheckNowOrder", description: "Whose checks are to look; those of all services unless given." });
/** See `checkNowOrder`. */
export type CheckNowOrder = View<typeof checkNowOrder>;

/** What one check found. */
const checkFinding = z.object({
  check: z.string(),
  outcome: z.enum(["pass", "warn", "fail"]),
  level: level.describe("Of the check now: thresholds decide what a look makes of it."),
  message: z.string(),
  response_time_ms: z.number(),
});

/** The answer of `POST /api/orchestration/health/check-now`. */
export const checkNowAnswer = z
  .object({
    success: z.boolean().describe("True when every agent that was asked has answered."),
    timestamp: time,
    composite_health: level.describe("Of the services in this answer."),
    results: z
      .record(
        z.string(),
        z.object({
          service_name: z.string(),
          status: level.describe("The worst of its instances."),
          timestamp: time.describe("When the last of its agents answered, RFC 3339."),
          message: z.string().describe("The cause."),
          details: z.object({
            instances: z.record(
              z.string(),
              z.object({
                status: level,
                answered: z.boolean().describe("False when its agent did not look: then the status is what is known otherwise."),
                message: z.string(),
                checks: z.array(checkFinding),
              }),
            ),
          }),
          response_time_ms: z.number().nullable().describe("The longest that a check took; null where none has looked."),
        }),
      )
      .describe("By the service's name."),
    silent,
  })
  .meta({ id: "CheckNowAnswer", description: "What the checks found." });
/** See `checkNowAnswer`. */
export type CheckNowAnswer = View<typeof checkNowAnswer>;
