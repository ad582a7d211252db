/** How a control plane stands, as the API shows it. */
import { z } from "zod";
import { count, time } from "./scalar.js";
import { meshProblem } from "./service.js";
import type { View } from "./view.js";

const seconds = z.number().nonnegative();

/** Where the catalog came from that is being served. */
export const catalogOrigin = z.enum(["none", "disk", "consul"]);
/** See `catalogOrigin`. */
export type CatalogOrigin = z.output<typeof catalogOrigin>;

/** The answer of `GET /health`. */
export const healthView = z
  .object({
    status: z
      .enum(["ok", "stale", "waiting"])
      .describe(
        "`stale`: serves the last good state without Consul. `waiting`: has nothing to serve yet, or policies that it must not pass over.",
      ),
    version: z.string(),
    uptime: seconds.describe("Seconds since the start."),
    catalog: z.object({
      origin: catalogOrigin,
      age: seconds
        .nullable()
        .describe("Seconds since the last good answer of Consul that the served state rests on; null when there was none."),
      lastAnswer: time.nullable(),
      services: count,
      instances: count,
    }),
    consul: z.object({
      address: z.string(),
      connected: z.boolean(),
      complete: z.boolean().describe("Everything that Consul lists has been read since this start."),
      error: z.string().nullable().describe("Why not, when it is not connected."),
    }),
    xds: z.object({ address: z.string(), streams: count, rejected: count.describe("Streams whose proxy refuses something.") }),
    agents: z.object({
      reporting: count.describe("Agents that reported here lately."),
      listening: count.describe("Agents whose stream of commands is open here."),
    }),
    problems: z.array(meshProblem).describe("The first of them, and none for who may not read the mesh."),
    problemCount: count,
  })
  .meta({ id: "Health", description: "How one control plane stands." });
/** See `healthView`. */
export type HealthView = View<typeof healthView>;

/** One control plane beside the others. */
export const replicaView = z
  .object({
    replica: z.string().describe("Its name, which is another after each start."),
    address: z.string().describe("`host:port` of its HTTP API."),
    answering: z.boolean().describe("It is the one that answers this question."),
    health: healthView,
  })
  .meta({ id: "Replica", description: "One control plane." });
/** See `replicaView`. */
export type ReplicaView = View<typeof replicaView>;

/** The answer of `GET /api/replicas`. */
export const replicaList = z
  .object({
    replicas: z.array(replicaView).describe("Those that answered, by address."),
    silent: z.array(z.string()).describe("Those that Consul knows and that did not answer, each with the reason."),
  })
  .meta({ id: "ReplicaList", description: "The control planes of the mesh." });
/** See `replicaList`. */
export type ReplicaList = View<typeof replicaList>;
