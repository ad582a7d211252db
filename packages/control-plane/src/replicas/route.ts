/** The routes on which control planes answer each other: nobody else may ask. */
import { controlPlaneService } from "@legation/contract";
import type { FastifyInstance } from "fastify";
import type { Right } from "../security/right.js";

/** A control plane, by its certificate; in plain text on this machine, or by a token that may write the control planes' own service. */
const controlPlanes: Right = {
  kind: "agent",
  needs: "the certificate of a control plane, or `service:write` on `legation-control-plane`",
  change: () => false,
  claim: () => ({ node: "", id: "", service: controlPlaneService, relayed: true }),
};

/** What a route of control planes is made of. */
export interface ReplicaRoute<Body> {
  /** `/v1/agents/…`, as everything that is said between agents and control planes. */
  readonly path: string;
  /** JSON Schema of the properties of the body besides `relayed`; all are required. */
  readonly properties: Readonly<Record<string, object>>;
  /** Of the body, bytes; the server's own limit unless given. */
  readonly bodyLimit?: number;
  /** `signal` aborts when the other one does not wait any more. */
  readonly answer: (body: Body, signal: AbortSignal) => unknown;
}

/** Adds the route: `POST` with `relayed: true`. Belongs below the hook of `createBorneOut`. */
export function addReplicaRoute<Body extends object>(app: FastifyInstance, route: ReplicaRoute<Body>): void {
  const schema = {
    type: "object",
    required: ["relayed", ...Object.keys(route.properties)],
    additionalProperties: false,
    properties: { relayed: { const: true }, ...route.properties },
  };
  const limit = route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit };
  app.post(route.path, { schema: { body: schema }, config: { right: controlPlanes }, ...limit }, async (request, reply) => {
    const waiting = new AbortController();
    reply.raw.once("close", () => waiting.abort(new Error("nobody waits for the answer any more")));
    try {
      return await route.answer(request.body as Body, waiting.signal);
    } catch (error) {
      if (waiting.signal.aborted) return reply.hijack();
      throw error;
    }
  });
}
