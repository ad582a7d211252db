/** The orchestration API (REQUIREMENTS R7): how all services stand, and what becomes of an order. Field names are those of the requirements. */
import { z } from "zod";
import { healthLevels, serviceStates } from "../channel.js";
import { count, time } from "./scalar.js";
import type { View } from "./view.js";

const success = z.boolean().describe("True: an answer that is none is a problem.");
const silent = z
  .array(z.string())
  .describe("The control planes that did not answer, each with the reason: what only they know is as old as their last answer.");
const isReady = z.boolean().describe("Initialized, and every critical service has a healthy instance.");
const initialized = z.boolean().describe("Everything that Consul lists has been read once since this control plane started.");

const state = z
  .enum(serviceStates)
  .describe("The worst state of its instances, as their agents say; `unknown` where no agent reports, or one has fallen silent.");
const level = z.enum(healthLevels);
const percent = z.number().nullable();
const byService = <T extends z.ZodType>(schema: T) => z.record(z.string(), schema).describe("By the service's name.");

const standing = {
  status: state,
  restart_count: count.describe("Restarts of all its instances, as their agents count them."),
  last_restart: time.nullable().describe("The newest, RFC 3339; null when there was none."),
  last_error: z.string().nullable().describe("Of its worst instance that has had one."),
  is_critical: z.boolean().describe("An instance of it carries the tag `critical`."),
};

/** The answer of `GET /api/orchestration/services`. */
export const orchestratedServices = z
  .object({
    success,
    total_services: count.describe("Services in this answer."),
    services: byService(z.object({ ...standing, reason: z.string().describe("Why it has this status.") })),
    is_ready: isReady,
    initialized,
    silent,
  })
  .meta({ id: "OrchestratedServices", description: "How each service stands." });
/** See `orchestratedServices`. */
export type OrchestratedServices = View<typeof orchestratedServices>;

/** The answer of `GET /api/orchestration/health`. */
export const orchestratedHealth = z
  .object({
    status: z.literal("ok").describe("The answer itself: it is one."),
    composite_health: level.describe(
      "UNHEALTHY if any service is; else DEGRADED if any is; HEALTHY if all others say nothing else; UNKNOWN without data.",
    ),
    services: byService(
      z.object({
        status: level.describe("The worst level of its instances; UNKNOWN says nothing, and counts only where there is nothing else."),
        message: z.string().describe("The cause of that level."),
        last_check: time.nullable().describe("The newest of its instances', RFC 3339; null where no agent has looked."),
        consecutive_failures: count.describe("In a row; the most that an instance has."),
        response_time_ms: z.number().nullable().describe("Of the last check; the longest of an instance's."),
        uptime_1h: percent.describe(
          "Percent of the last hour in which it was up, as far as an agent watched; the smallest of an instance's.",
        ),
        uptime_24h: percent.describe("The same for 24 hours."),
        uptime_7d: percent.describe("The same for 7 days."),
        instances: count.describe("How many it has."),
        healthy_instances: count.describe("How many of them get requests, and have nothing speaking against them."),
      }),
    ),
    unhealthy_services: z.array(z.string()).describe("The names of those that are UNHEALTHY."),
    degraded_services: z.array(z.string()).describe("The names of those that are DEGRADED."),
    silent,
  })
  .meta({ id: "OrchestratedHealth", description: "The health of each service, and of all together." });
/** See `orchestratedHealth`. */
export type OrchestratedHealth = View<typeof orchestratedHealth>;

/** The answer of `GET /api/orchestration/dependencies`. */
export const orchestratedDependencies = z
  .object({
    success,
    startup_order: z.array(z.string()).describe("Each service after those that it requires."),
    shutdown_order: z.array(z.string()).describe("The reverse."),
    dependencies: byService(
      z.object({
        type: z.string().describe("What its registration says under `type`, else its name."),
        dependencies: z.array(z.string()).describe("What it requires."),
        optional_dependencies: z.array(z.string()).describe("What it calls, and starts without."),
        dependents: z.array(z.string()).describe("The services that declare it, either way."),
        layer: count.describe("From 1; the first requires nobody that is registered."),
        missing: z.array(z.string()).describe("Those of its dependencies that no registered service has the name of."),
      }),
    ),
    visualization: z.string().describe("The graph as text, layer by layer, at most 80 columns wide."),
    cycles: z
      .array(z.array(z.string()))
      .describe("Each cycle of required dependencies: the first requires the second, the last requires the first."),
    silent,
  })
  .meta({ id: "OrchestratedDependencies", description: "Who needs whom, as the registrations declare it." });
/** See `orchestratedDependencies`. */
export type OrchestratedDependencies = View<typeof orchestratedDependencies>;

const stateCounts = z.record(z.enum(serviceStates), count);

/** The answer of `GET /api/orchestration/metrics`. */
export const orchestrationMetrics = z
  .object({
    success,
    metrics: z.object({
      total_services: count,
      running_services: count.describe("Services in the state `running`."),
      failed_services: count.describe("Services in the state `failed`."),
      stopped_services: count.describe("Services in the state `stopped`."),
      total_restarts: count,
      healthy_services: count.describe("Services whose level is HEALTHY."),
      unhealthy_services: count.describe("Services whose level is UNHEALTHY."),
      is_ready: isReady,
      initialized,
      status_distribution: stateCounts.describe("How many services are in each state."),
      instance_status_distribution: stateCounts.describe("How many instances are in each state."),
      dependency_resolution_times: byService(
        z.object({
          waited_ms: z
            .number()
            .nullable()
            .describe(
              "How long it waited for its required dependencies at its last start; the longest of an instance's. Null where no agent says.",
            ),
          waiting_for: z.string().nullable().describe("What it waits for now; null when it does not."),
        }),
      ).describe("Of the services that require others."),
    }),
    registry_stats: z
      .object({
        total_services: count,
        total_instances: count,
        endpoints: z
          .object({ healthy: count, degraded: count, unhealthy: count, draining: count, omitted: count })
          .describe("Instances by what they are in the proxies; `omitted` are in none."),
        agents: z.object({ reporting: count, silent: count, none: count }).describe("Registered instances by what their agents do."),
        protocols: z.record(z.string(), count).describe("Instances by protocol."),
        versions: z.record(z.string(), count).describe("Instances by the version of their service: `orders 1.2.0`."),
      })
      .describe("What Consul's registry holds."),
    service_details: byService(
      z.object({
        ...standing,
        health: level,
        instances: count,
        healthy_instances: count,
        uptime_1h: percent.describe("Percent."),
        response_time_ms: z.number().nullable().describe("Of the last check."),
        breaker: z.string().describe("`closed`, `half-open` or `open`: the worst that one of its callers sees."),
      }),
    ),
    silent,
  })
  .meta({ id: "OrchestrationMetrics", description: "The mesh in figures." });
/** See `orchestrationMetrics`. */
export type OrchestrationMetrics = View<typeof orchestrationMetrics>;

/** One look of a check, as an agent remembers it. */
export const healthHistoryEntry = z
  .object({
    timestamp: time,
    status: level.describe("What this look found by itself: HEALTHY, DEGRADED where the service says so, UNHEALTHY."),
    check: z.string().describe("The check's name."),
    message: z.string(),
    response_time_ms: z.number(),
    instance: z.string().describe("`<Consul node>/<service id>`."),
  })
  .meta({ id: "HealthHistoryEntry", description: "One look of a health check." });
/** See `healthHistoryEntry`. */
export type HealthHistoryEntry = View<typeof healthHistoryEntry>;

/** The answer of `GET /api/orchestration/service/{name}`. */
export const orchestratedService = z
  .object({
    success,
    service: z.string(),
    ...standing,
    reason: z.string().describe("Why it has this status."),
    health: level,
    dependencies: z.object({
      required: z.array(z.string()),
      optional: z.array(z.string()),
      dependents: z.array(z.string()),
      layer: count.describe("From 1."),
    }),
    health_history: z
      .array(healthHistoryEntry)
      .describe(
        "The last 100 looks at its instances, oldest first; the agents keep those of each instance, over restarts of theirs and of control planes.",
      ),
    registry_metadata: z
      .object({
        type: z.string(),
        protocols: z.array(z.string()),
        versions: z.array(z.string()),
        tags: z.array(z.string()),
        instances: z.array(
          z.object({
            node: z.string(),
            id: z.string(),
            address: z.string().describe("`host:port` of the application."),
            tags: z.array(z.string()),
            meta: z.record(z.string(), z.string()),
          }),
        ),
      })
      .describe("What Consul's registry says."),
    instances: z.array(
      z.object({
        instance: z.string().describe("`<Consul node>/<service id>`."),
        status: z.enum(serviceStates),
        reason: z.string(),
        health: level,
        restart_count: count,
        last_restart: time.nullable(),
        last_error: z.string().nullable(),
        uptime_1h: percent,
        uptime_24h: percent,
        uptime_7d: percent,
      }),
    ),
    silent,
  })
  .meta({ id: "OrchestratedService", description: "One service." });
/** See `orchestratedService`. */
export type OrchestratedService = View<typeof orchestratedService>;
