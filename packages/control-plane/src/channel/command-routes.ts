/** The paths by which agents answer commands, and control planes pass commands on. */
import { type CommandReport, resultBytes, resultPath } from "@legation/contract";
import { commandOrder, commandReport, instanceFields, word } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { addRoute } from "../api/route.js";
import { addReplicaRoute } from "../replicas/route.js";
import type { Right } from "../security/right.js";
import { type Commander, orderLimit, orderPath } from "./commander.js";

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
  addRoute(
    app,
    {
      method: "POST",
      path: resultPath,
      tag: "channel",
      summary: "What became of a command",
      right: reporting,
      body: commandReport,
      bodyLimit: resultBytes,
      answers: { 202: z.object({ accepted: z.literal(true) }).describe("Whether somebody still waits for it or not.") },
    },
    async (request, reply) => {
      await commander.report(request.body);
      return reply.code(202).send({ accepted: true });
    },
  );
  addReplicaRoute(app, {
    path: orderPath,
    summary: "Have an agent carry out an order",
    properties: {
      ...instanceFields,
      service: word,
      command: word.describe("The command, the same wherever it is sent."),
      order: commandOrder,
      limitMs: z.number().min(1).max(orderLimit).describe("How long the agent is waited for; milliseconds."),
    },
    answer: (body, signal) => commander.relayed({ ...body, relayed: true }, signal),
  });
}
