/** Agents as the API shows them. */
import { z } from "zod";
import { envoyPhases, serviceStates } from "../channel.js";
import { count, time } from "./scalar.js";
import type { View } from "./view.js";

/** One agent. */
export const agentRow = z
  .object({
    node: z.string().describe("The Consul node on which its instance is registered."),
    id: z.string().describe("The instance's service ID."),
    service: z.string(),
    agentVersion: z.string(),
    state: z.enum(serviceStates).describe("What the service's process is doing."),
    reason: z.string().describe("Why it is in that state; empty where an agent does not say it."),
    reportedAt: time.describe("When its last report came to a control plane."),
    silent: z.boolean().describe("It has said nothing for three of its intervals."),
    replica: z
      .string()
      .nullable()
      .describe(
        "The control plane at which it listens for commands: `host:port` of its HTTP API. Null where none that answers has it: no command reaches it.",
      ),
    admin: z.string().describe("The agent's own local API, for people on that machine."),
    envoy: z
      .object({
        phase: z.enum(envoyPhases).describe("`live`: it takes inbound traffic."),
        reason: z.string(),
        version: z.string().nullable().describe("As Envoy says it; null until it has been asked."),
      })
      .nullable()
      .describe("The Envoy that it runs; null where it runs none."),
  })
  .meta({ id: "AgentRow", description: "One agent, by its last report to whichever control plane." });
/** See `agentRow`. */
export type AgentRow = View<typeof agentRow>;

/** The answer of `GET /api/agents`. */
export const agentList = z
  .object({
    total: count.describe("Agents in this answer."),
    silent: z.array(z.string()).describe("Control planes that did not answer, each with the reason."),
    agents: z.array(agentRow).describe("In the order of nodes and service IDs."),
  })
  .meta({ id: "AgentList", description: "The agents of the services that the caller may read, over all control planes." });
/** See `agentList`. */
export type AgentList = View<typeof agentList>;
