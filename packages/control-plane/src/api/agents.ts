/** `GET /api/agents`: every agent at every control plane. */
import { agentList } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type ListAgents, listenersPath } from "../agents/agents.js";
import { addReplicaRoute } from "../replicas/route.js";
import { listing } from "../security/right.js";
import { addRoute } from "./route.js";
import { enclosed, sendSliced } from "./sliced.js";

/** What the routes read. */
export interface AgentSource {
  readonly list: ListAgents;
  /** The instances whose agents listen at this control plane. */
  readonly listening: () => Iterable<string>;
}

const query = z.strictObject({ service: z.string().max(256).optional().describe("Only the agents of this service.") });

/** Adds the route: the agents of services that the caller may read. */
export function addAgentRoute(app: FastifyInstance, source: AgentSource): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/agents",
      tag: "services",
      summary: "Every agent at every control plane",
      description: "By its last report; one that has said nothing for ten minutes is forgotten.",
      right: listing,
      query,
      answers: { 200: agentList },
    },
    async (request, reply) => {
      const { service } = request.query;
      const { agents, silent } = await source.list();
      const wanted = agents.filter((agent) => service === undefined || agent.service === service);
      const may = await request.access.readable(wanted.map((agent) => agent.service));
      const shown = wanted.filter((agent) => may.has(agent.service));
      const head = JSON.stringify({ total: shown.length, silent }).slice(0, -1);
      return sendSliced(
        reply,
        enclosed(`${head},"agents":[`, shown, (agent) => JSON.stringify(agent), "]}"),
      );
    },
  );
}

/** Adds the path on which the others are answered. Belongs below the hook of `createBorneOut`. */
export function addReplicaAgentRoute(app: FastifyInstance, source: Pick<AgentSource, "listening">): void {
  addReplicaRoute(app, {
    path: listenersPath,
    summary: "Whose agents listen for commands",
    properties: {},
    answer: () => ({ listening: [...source.listening()] }),
  });
}
