/** The paths by which agents answer commands, and control planes pass commands on. */
import { type CommandReport, commandKinds, resultBytes, resultPath } from "@legation/contract";
import type { FastifyInstance } from "fastify";
import { addReplicaRoute } from "../replicas/route.js";
import type { Right } from "../security/right.js";
import { type Commander, orderLimit, orderPath, type RelayedOrder } from "./commander.js";

const word = { type: "string", minLength: 1, maxLength: 256 } as const;

const report = {
  type: "object",
  required: ["node", "id", "service", "command", "replica", "ok", "message"],
  additionalProperties: false,
  properties: {
    ...{ node: word, id: word, service: word, command: word, replica: word },
    ok: { type: "boolean" },
    message: { type: "string", maxLength: 65_536 },
    body: {},
    relayed: { const: true },
  },
} as const;

const order = {
  type: "object",
  required: ["kind"],
  additionalProperties: false,
  properties: { kind: { enum: commandKinds }, force: { type: "boolean" } },
} as const;

const reporting: Right = {
  kind: "agent",
  needs: "the certificate of the instance's service, or `service:write` on it",
  change: () => false,
  claim({ body }) {
    const { node, id, service, relayed } = body as CommandReport;
    return { node, id, service, relayed: relayed ?? false };
  },
};

/** Adds the paths. */
export function addCommandRoutes(app: FastifyInstance, commander: Pick<Commander, "report" | "relayed">): void {
  const taken = { schema: { body: report }, bodyLimit: resultBytes, config: { right: reporting } };
  app.post<{ Body: CommandReport }>(resultPath, taken, async (request, reply) => {
    await commander.report(request.body);
    return reply.code(202).send({ accepted: true });
  });
  addReplicaRoute<RelayedOrder>(app, {
    path: orderPath,
    properties: { node: word, id: word, service: word, command: word, order, limitMs: { type: "number", minimum: 1, maximum: orderLimit } },
    answer: (body, signal) => commander.relayed(body, signal),
  });
}
