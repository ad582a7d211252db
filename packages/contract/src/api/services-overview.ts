/** The health and the figures of all services at a glance: `GET /services/health`, `GET /services/stats`. */
import { z } from "zod";
import { healthLevels, serviceStates, uptimeWindows } from "../channel.js";
import { breakerView } from "./breaker.js";
import { count, time } from "./scalar.js";
import type { View } from "./view.js";

const level = z.enum(healthLevels);
const silent = z.array(z.string()).describe("The control planes that did not answer, each with the reason.");

/** The answer of `GET /services/health`. */
export const servicesHealth = z
  .object({
    status: level.describe("Of all together: the worst."),
    total: count,
    healthy: count,
    degraded: count,
    unhealthy: count,
    unknown: count,
    services: z
      .record(
        z.string(),
        z.object({
          status: level,
          message: z.string().describe("The cause of the level."),
          instances: z.array(
            z.object({
              node: z.string(),
              id: z.string(),
              status: level,
              message: z.string(),
              lastCheck: time.nullable(),
              responseTimeMs: z.number().nullable().describe("Of the last check; milliseconds."),
              consecutiveFailures: count,
              uptime: z.partialRecord(z.enum(uptimeWindows), z.number()).describe("Percent of the time in which an agent watched."),
            }),
          ),
        }),
      )
      .describe("By the service's name."),
    silent,
  })
  .meta({ id: "ServicesHealth", description: "The health of each service and of its instances." });
/** See `servicesHealth`. */
export type ServicesHealth = View<typeof servicesHealth>;

/** The answer of `GET /services/stats`. */
export const servicesStats = z
  .object({
    totalServices: count,
    totalInstances: count,
    healthyInstances: count.describe("Those that proxies send requests to, and that nothing speaks against."),
    services: z
      .record(
        z.string(),
        z.object({
          status: z.enum(serviceStates),
          strategy: z.string().describe("How requests are spread over its instances."),
          instances: count,
          healthyInstances: count,
          restarts: count,
          requests: count.describe("HTTP requests through its instances' Envoys that are over, both ways, since the start of each."),
          failures: count.describe("Those of them that were answered with 5xx."),
          responseTimeMs: z.number().nullable().describe("Of the last health check; the longest of an instance's."),
        }),
      )
      .describe("By the service's name."),
    circuitBreaker: z.record(z.string(), breakerView).describe("By the service's name: the worst that one of its callers sees."),
    silent,
  })
  .meta({ id: "ServicesStats", description: "The services in figures." });
/** See `servicesStats`. */
export type ServicesStats = View<typeof servicesStats>;
