/** The routes on which control planes answer each other: nobody else may ask. */
import { controlPlaneService } from "@legation/contract";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { addRoute } from "../api/route.js";
import type { Right } from "../security/right.js";

/** A control plane, by its certificate; in plain text on this machine, or by a token that may write the control planes' own service. */
const controlPlanes: Right = {
  kind: "agent",
  needs: "the certificate of a control plane, or `service:write` on `legation-control-plane`",
  change: () => false,
  claim: () => ({ node: "", id: "", service: controlPlaneService, relayed: true }),
};

/** What a route of control planes is made of. */
export interface ReplicaRoute<Shape extends z.ZodRawShape> {
  /** `/v1/agents/…`, as everything that is said between agents and control planes. */
  readonly path: string;
  /** What is asked, in a few words. */
  readonly summary: string;
  /** The properties of the body besides `relayed`. */
  readonly properties: Shape;
  /** Of the body, bytes; the server's own limit unless given. */
  readonly bodyLimit?: number;
  /** Documents the answer; replicas of other versions may say other things. */
  readonly answers?: z.ZodType;
  /** `signal` aborts when the other one does not wait any more. */
  readonly answer: (body: z.output<z.ZodObject<Shape>>, signal: AbortSignal) => unknown;
}

/** Adds the route: `POST` with `relayed: true`. Belongs below the hook of `createBorneOut`. */
export function addReplicaRoute<Shape extends z.ZodRawShape>(app: FastifyInstance, route: ReplicaRoute<Shape>): void {
  const { path, summary, properties, bodyLimit, answers = z.unknown().describe("What that control plane knows."), answer } = route;
  const asked = z.object(properties);
  addRoute(
    app,
    {
      method: "POST",
      path,
      tag: "channel",
      summary,
      right: controlPlanes,
      body: asked.extend({ relayed: z.literal(true).describe("A control plane asks another one.") }),
      ...(bodyLimit === undefined ? {} : { bodyLimit }),
      answers: { 200: answers },
    },
    async (request, reply) => {
      const waiting = new AbortController();
      reply.raw.once("close", () => waiting.abort(new Error("nobody waits for the answer any more")));
      try {
        return await answer(request.body as z.output<typeof asked>, waiting.signal);
      } catch (error) {
        if (waiting.signal.aborted) return reply.hijack();
        throw error;
      }
    },
  );
}
