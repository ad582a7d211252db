/** Services, their instances and their agents, as the API shows them. */
import { z } from "zod";
import { serviceStates } from "../channel.js";
import { identityModes, tlsStates } from "../identity.js";
import { protocols } from "../registration.js";
import { reportedHealth } from "./agent-report.js";
import { breakerView } from "./breaker.js";
import { count, nextCursor, time } from "./scalar.js";
import type { View } from "./view.js";

/** What is wrong in a catalog or in a node's description. */
export const meshProblem = z
  .object({
    code: z.string().describe("Stable name of the flaw, for programs."),
    service: z.string().describe("The service that has to be mended."),
    message: z.string().describe("What is wrong and what to do, for people."),
  })
  .meta({ id: "MeshProblem", description: "A flaw that is worked around: everything else is served as if it were not there." });

/** An agent's last report. */
export const agentView = z
  .object({
    state: z.enum(serviceStates).describe("What the service's process is doing."),
    restartCount: count.describe("Restarts since the last manual one."),
    lastRestart: time.optional(),
    lastError: z.string().optional().describe("Why the process ended last."),
    health: reportedHealth.optional(),
    agentVersion: z.string(),
    admin: z.string().describe("The agent's own local API, for people on that machine."),
    reportedAt: time,
    silent: z.boolean().describe("It has said nothing for three of its intervals."),
  })
  .meta({ id: "AgentView", description: "An agent's last report." });
/** See `agentView`. */
export type AgentView = View<typeof agentView>;

/** A check in Consul. */
export const checkView = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.enum(["passing", "warning", "critical"]),
    output: z.string().describe("What the check said last."),
  })
  .meta({ id: "CheckView", description: "A check in Consul." });

/** One instance of a service. */
export const instanceView = z
  .object({
    node: z.string().describe("The Consul node on which it is registered."),
    id: z.string().describe("Its service ID, unique on that node."),
    address: z.string().describe("`host:port` of the application."),
    meshAddress: z.string().describe("`host:port` that callers inside the mesh use; the application's own without an agent."),
    health: z.enum(["HEALTHY", "DEGRADED", "UNHEALTHY", "DRAINING", "OMITTED"]).describe("What it is in the proxies; OMITTED is in none."),
    weight: count.describe("Its share of load beside the other instances; 0 when omitted."),
    share: z.number().describe("Percent of its weight that it keeps under `health_based`, by how it answers beside the others."),
    breaker: breakerView.describe("As its callers see it: open while one has it ejected, half-open while one tries it again."),
    reason: z.string().describe("Why the endpoint has this health."),
    version: z.string().optional(),
    zone: z.string().optional(),
    tls: z.enum(tlsStates).optional().describe("What its registration says of mutual TLS; absent where it takes none."),
    tags: z.array(z.string()),
    meta: z.record(z.string(), z.string()).describe("Consul's `Meta`."),
    checks: z.array(checkView),
    agent: agentView.optional().describe("Its agent's last report, at whichever control plane."),
  })
  .meta({ id: "InstanceView", description: "One instance of a service: a registration in Consul, and what becomes of it in the proxies." });
/** See `instanceView`. */
export type InstanceView = View<typeof instanceView>;

/** One service. */
export const serviceView = z
  .object({
    name: z.string(),
    protocol: z.enum(protocols),
    mode: z.enum(identityModes).optional().describe("How connections to it are made; absent until the policies are known."),
    tags: z.array(z.string()).describe("All that its instances carry, sorted."),
    versions: z.array(z.string()),
    dependencies: z.array(z.string()).describe("The services that it declares to call; `?` marks optional ones."),
    breaker: breakerView.describe("The worst that one of its callers sees: all instances ejected or a limit exceeded is open."),
    endpoints: z
      .object({ healthy: count, degraded: count, unhealthy: count, draining: count, omitted: count })
      .describe("Instances by what they are in the proxies; `omitted` are in none."),
    instances: z.array(instanceView),
    problems: z.array(meshProblem).describe("What is wrong with the service's registration."),
  })
  .meta({ id: "ServiceView", description: "A service, with what becomes of each instance and why." });
/** See `serviceView`. */
export type ServiceView = View<typeof serviceView>;

/** The answer of `GET /services`. */
export const serviceList = z
  .object({
    total: count.describe("Services on all pages."),
    nextCursor,
    silent: z
      .array(z.string())
      .describe("The control planes that did not answer, each with the reason: what only they know of agents is old."),
    services: z.record(z.string(), serviceView).describe("By name."),
  })
  .meta({ id: "ServiceList", description: "The services that the caller may read." });
/** See `serviceList`. */
export type ServiceList = View<typeof serviceList>;

/** The answer of `POST /api/services/{name}/release`. */
export const releaseAnswer = z.object({ accepted: z.literal(true) }).meta({ id: "ReleaseAnswer", description: "It will be done." });
