/** What an agent tells of its service, as the control plane reads it. Newer agents may say more. */
import { z } from "zod";
import { envoyPhases, healthLevels, reportedDenials, serviceStates } from "../channel.js";
import { breakerStates, loadScale, reportedBreakers, reportedCalls, reportedCauseLength } from "../figures.js";
import { count, time } from "./scalar.js";

/** A name in a message of the channel. */
export const word = z.string().min(1).max(256);
/** An agent cuts its texts to `reportedTextLength`; what is longer is refused. */
const text = z.string().max(2_048);
const moment = time;
const percent = z.number().min(0).max(100);

/** The instance that an agent speaks for. */
export const instanceFields = {
  node: word.describe("The Consul node on which it is registered."),
  id: word.describe("Its service ID."),
};

/** How a service's checks stand, in figures that have always the same size. */
export const reportedHealth = z
  .object({
    level: z.enum(healthLevels),
    message: text.describe("The cause of the level."),
    consecutiveFailures: count.describe("In a row, of the check that has the most."),
    lastCheck: moment.optional().describe("When the check that was looked at last was made, RFC 3339; absent before the first."),
    responseTimeMs: z.number().min(0).optional().describe("How long that check's answer took; milliseconds."),
    uptime: z
      .object({ "1h": percent.optional(), "24h": percent.optional(), "7d": percent.optional() })
      .describe("Percent of the time in which an agent watched; a window without any is absent."),
  })
  .meta({ id: "ReportedHealth", description: "How a service's checks stand, as its agent reports it." });

/** Calls that intentions refused, by caller and rule. */
export const reportedDenial = z
  .object({
    caller: word.describe("The name of the calling service, or what its certificate says instead."),
    rule: word.describe("As Envoy names it: `web=>orders`, `default`, …"),
    count: z.int().min(1).max(1_000_000_000),
  })
  .meta({ id: "ReportedDenial", description: "Calls that intentions refused, by caller and rule." });

/** What became of HTTP requests through an instance's Envoy. */
export const reportedAnswers = z
  .object({ requests: count.describe("All that are over."), failures: count.describe("Those that were answered with 5xx.") })
  .meta({
    id: "ReportedAnswers",
    description: "What became of HTTP requests through an instance's Envoy, in both directions, since that Envoy's start.",
  });

/** What stands between an instance and its traffic. */
export const reportedStanding = z
  .object({
    registered: z
      .boolean()
      .optional()
      .describe("Consul has its registration as the agent wants it; absent where the agent registers nothing."),
    registrationProblem: text.optional().describe("Why Consul cannot be used, or does not take the registration."),
    envoy: z
      .object({
        phase: z.enum(envoyPhases),
        reason: text.describe("Why it is in this phase."),
        version: word.optional().describe("As `1.40.0`; absent until it has been asked."),
      })
      .optional()
      .describe("Its Envoy; absent without one."),
    maintenance: text.optional().describe("The words with which an operator holds it in maintenance."),
    withheld: text.optional().describe("Why it is held back until callers can connect to it as its identity mode asks."),
  })
  .meta({ id: "ReportedStanding", description: "What stands between an instance and its traffic, as its agent sees it." });

/** How an instance answers, coarsely, so that it changes rarely. */
export const reportedLoad = z
  .object({
    latency: z
      .int()
      .min(0)
      .max(loadScale.latency)
      .describe(`Mean response time in half octaves above ${loadScale.fastest} ms: 2 more is twice as slow.`),
    errors: z
      .int()
      .min(0)
      .max(loadScale.errorRates.length)
      .describe(`How many of the shares ${loadScale.errorRates.join(", ")} the failed requests have reached.`),
    idle: z
      .int()
      .min(0)
      .max(loadScale.idle)
      .describe("So many times, one after the other, the instance had too few requests for its figures to be believed."),
  })
  .meta({ id: "ReportedLoad", description: "How an instance answers. Each figure is smoothed before." });

/** A breaker of a caller that is not closed. */
export const reportedBreaker = z
  .object({
    service: word.describe("The service that is called."),
    address: word
      .optional()
      .describe(
        "`host:port` of the instance that is ejected, or has come back; absent where a limit towards the whole service is exceeded.",
      ),
    state: z.enum(breakerStates),
    cause: z.string().max(reportedCauseLength).describe("Why it opened."),
    since: moment.describe("When it came into this state; RFC 3339."),
  })
  .meta({ id: "ReportedBreaker", description: "A breaker of a caller that is not closed." });

/** A service that an instance's Envoy has sent something to. */
export const reportedCall = z
  .object({
    service: word,
    count: count.describe("Requests, or connections where TCP is spoken, since that Envoy's start; with retries. Health checks are none."),
  })
  .meta({ id: "ReportedCall", description: "A service that an instance's Envoy has sent something to." });

/** What an agent tells of its service, whenever something changes and every `reportInterval` besides. */
export const agentReport = z
  .object({
    ...instanceFields,
    service: word,
    agentVersion: word,
    state: z.enum(serviceStates),
    reason: text
      .optional()
      .describe(
        "Why it is in this state; for `waiting`, what it waits for. Absent from an agent of an earlier version, as are `since` and `standing`.",
      ),
    since: moment.optional().describe("Since when it is in this state; RFC 3339."),
    standing: reportedStanding.optional(),
    dependencyWaitMs: z
      .number()
      .min(0)
      .optional()
      .describe("How long the service waited for its required dependencies when this agent started it; milliseconds."),
    restartCount: count.max(1_000_000_000),
    lastRestart: moment.optional(),
    lastError: text.optional(),
    health: reportedHealth.optional().describe("Absent from an agent that does not tell it."),
    denied: z
      .array(reportedDenial)
      .max(reportedDenials)
      .optional()
      .describe("Since the last report that a control plane took; absent when there were none. Those of `shadow` are not among them."),
    answers: reportedAnswers.optional().describe("Absent without an Envoy, and until it has been asked."),
    load: reportedLoad.optional().describe("Absent without an Envoy, and while there are too few requests to say."),
    breakers: z
      .array(reportedBreaker)
      .max(reportedBreakers)
      .optional()
      .describe("Those of this instance as a caller that are not closed; absent when all are."),
    calls: z
      .array(reportedCall)
      .max(reportedCalls)
      .optional()
      .describe("Whom this instance calls; absent without an Envoy, and until it has called anybody."),
    admin: z.string().max(256).describe("The local admin API of the agent, for people on that machine."),
  })
  .meta({ id: "AgentReport", description: "What an agent tells of its service." });

/** What a control plane answers to it. */
export const reportAnswer = z
  .object({
    accepted: z.literal(true),
    successThresholds: z
      .record(z.string(), z.int())
      .optional()
      .describe("Of the services whose breakers the report tells: how many successes close a breaker that is half-open."),
  })
  .meta({ id: "ReportAnswer", description: "What a control plane answers to a report." });
