/** Everything that can happen in a mesh, by type, with what is told of it for programs. */
import { z } from "zod";
import { healthLevels, serviceStates } from "../channel.js";

/** How an instance stands by its checks in Consul. `draining`: in maintenance because it leaves. */
export const registryHealths = ["passing", "warning", "critical", "maintenance", "draining"] as const;
/** One of `registryHealths`. */
export type RegistryHealth = (typeof registryHealths)[number];

const none = z.object({});
const replica = z.object({
  name: z.string().describe("Tells this run of the control plane from every other."),
  address: z.string().describe("`host:port` of its HTTP API."),
});
const fault = z.object({ why: z.string().describe("The cause, in words.") });

const registry = {
  "service.registered": z.object({ instances: z.int().min(1) }).describe("A service has its first instance."),
  "service.removed": none.describe("A service has lost its last instance."),
  "instance.registered": z
    .object({ address: z.string().describe("`host:port` that callers use."), version: z.string().optional(), zone: z.string().optional() })
    .describe("An instance is in the registry."),
  "instance.deregistered": none.describe("An instance is in the registry no more."),
  "instance.changed": z
    .object({
      fields: z.array(z.string()).describe("What of its registration is another: `address`, `port`, `mesh`, `tags`, `meta`, `weights`."),
    })
    .describe("An instance has another registration."),
  "instance.health-changed": z
    .object({
      from: z.enum(registryHealths).optional().describe("Absent where nobody knows it."),
      to: z.enum(registryHealths),
      checks: z
        .array(z.object({ id: z.string(), name: z.string(), status: z.string(), output: z.string() }))
        .describe("Those that decide it."),
    })
    .describe("Consul's checks say something else of an instance; a missed heartbeat is a check too."),
  "mass-loss.held": fault.describe("More instances vanished than is believed: they stay in use for a time."),
  "mass-loss.released": fault.describe("Instances that were held are given up."),
  "intention.changed": z
    .object({
      added: z.array(z.string()).describe("`web => orders`, the first 20."),
      removed: z.array(z.string()),
      changed: z.array(z.string()),
      count: z.int().describe("All that are added, removed or changed."),
    })
    .describe("Consul's intentions are others."),
  "catalog.completed": z.object({ services: z.int() }).describe("A control plane has read everything that Consul lists."),
  "catalog.stale": fault.describe("Consul does not answer a control plane: it serves the last good state."),
  "catalog.fresh": none.describe("Consul answers a control plane again."),
} as const;

const lifecycle = {
  "instance.state-changed": z
    .object({
      from: z.enum(serviceStates).optional().describe("Absent where nobody knows it."),
      to: z.enum(serviceStates),
      restartCount: z.int(),
      lastError: z.string().optional().describe("Why the process ended last."),
    })
    .describe("An agent reports another state of its service."),
  "instance.restarted": z
    .object({ restartCount: z.int(), at: z.string().describe("RFC 3339, by the agent's clock."), lastError: z.string().optional() })
    .describe("An agent has restarted its service; restarts between two reports are one event."),
  "instance.level-changed": z
    .object({
      from: z.enum(healthLevels).optional(),
      to: z.enum(healthLevels),
      message: z.string().describe("The cause of the level."),
      consecutiveFailures: z.int(),
    })
    .describe("An agent's health checks say something else of its service."),
  "instance.draining": none.describe("An agent has announced that its instance leaves; callers stop using it."),
  "instance.returned": none.describe("An agent has announced that its instance, which was leaving, serves again."),
  "instance.leaving-expired": none.describe("An instance that said it leaves goes on as if it had not, and is used again."),
  "agent.connected": z.object({ agentVersion: z.string() }).describe("An agent reports to this control plane, and did not before."),
  "agent.silent": z.object({ silentMs: z.int() }).describe("An agent that reported to this control plane has stopped reporting."),
} as const;

const caller = z.object({
  caller: z.string().describe("`<Consul node>/<service id>`."),
  state: z.string(),
  cause: z.string(),
  since: z.string(),
});
const breaker = z.object({
  cause: z.string(),
  callers: z.int().describe("How many callers do not have it closed."),
  by: z.array(caller).describe("The first of these."),
});

const traffic = {
  "breaker.opened": breaker.describe("A circuit breaker is open: of an instance, or without one of the whole service."),
  "breaker.half-opened": breaker.describe("A breaker that was open is tried again."),
  "breaker.closed": breaker.describe("A breaker is closed for all callers."),
  "policy.applied": z
    .object({
      bundle: z.string().describe("Hash of all policies in force."),
      version: z.int(),
      author: z.string(),
      reason: z.string(),
      changed: z.array(z.string()).describe("`Kind/name` of documents that are new, changed or gone; the first 50."),
      count: z.int().describe("All of these."),
    })
    .describe("Other policies are in force: balancing, breakers, routes, identity."),
  "policy.refused": z
    .object({ code: z.string(), bundle: z.string().optional(), why: z.string() })
    .describe("Policies in the store are not taken."),
  "policy.recovered": none.describe("The policies in the store can be taken again."),
  "policy.quarantined": z
    .object({
      resource: z.string().describe("What a proxy refused, in words."),
      policies: z.array(z.string()).describe("The policies and paths that are to blame; none where nobody knows."),
      message: z.string().describe("The proxy's own words."),
    })
    .describe("What a policy made was refused by a proxy: it is held back, and its last good version stays."),
  "policy.released": z.object({ resource: z.string() }).describe("What was held back is served again."),
  "canary.started": z
    .object({ bundle: z.string(), version: z.int(), changed: z.array(z.string()), nodes: z.array(z.string()) })
    .describe("Policies are tried on some proxies."),
  "canary.promoted": z
    .object({ bundle: z.string(), version: z.int(), verdict: z.string() })
    .describe("Policies that were tried are in force."),
  "canary.withdrawn": z
    .object({ bundle: z.string(), version: z.int(), verdict: z.string() })
    .describe("Policies that were tried are taken back."),
} as const;

const planes = {
  "proxy.connected": z.object({ peer: z.string() }).describe("A proxy has its configuration stream to this control plane."),
  "proxy.disconnected": z.object({ reason: z.string() }).describe("A proxy's last stream to this control plane has ended."),
  "proxy.rejected": z
    .object({
      resourceType: z.string(),
      resources: z.array(z.string()).describe("The first 20 that may be to blame, each with where it comes from."),
      message: z.string().describe("The proxy's own words."),
    })
    .describe("A proxy refuses configuration and keeps what it had."),
  "replica.joined": replica.describe("A control plane is in the registry."),
  "replica.left": replica.describe("A control plane is in the registry no more, or does not answer for itself."),
  "certificate.renewed": z
    .object({ spiffeId: z.string(), until: z.string().describe("RFC 3339.") })
    .describe("A control plane has another certificate of its own."),
  "certificate.expiring": z.object({ subject: z.string(), why: z.string() }).describe("A certificate ends soon and was not renewed."),
  "certificate.roots-changed": z.object({ roots: z.array(z.string()) }).describe("The mesh trusts other roots."),
  "security.reported": z
    .object({ kind: z.string().describe("As in `GET /api/security-events`."), subject: z.string() })
    .describe(
      "What may be an attack: a refused handshake or claim, many denied calls, a tampered bundle. Repetitions within a minute are one.",
    ),
} as const;

/** By type: the schema of the event's `details`, described with what the event means. */
export const eventDetails = { ...registry, ...lifecycle, ...traffic, ...planes } as const;
