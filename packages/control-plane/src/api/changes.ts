/** `GET /v1/changes`: what happened to the mesh, oldest first. */
import type { FastifyInstance } from "fastify";
import type { Change } from "../reconcile/changes.js";

/** What the route reads. */
export interface ChangeSource {
  list(): readonly Change[];
}

const query = { type: "object", properties: { after: { type: "integer", minimum: 0 } } } as const;

/** Adds the route. `?after=` leaves out what a reader has seen: the sequence number of the last one. */
export function addChangeRoute(app: FastifyInstance, source: ChangeSource): void {
  app.get<{ Querystring: { after?: number } }>("/v1/changes", { schema: { querystring: query } }, (request) => {
    const after = request.query.after ?? 0;
    const changes = source.list().filter((change) => change.sequence > after);
    return { changes: changes.map((change) => ({ ...change, at: new Date(change.at).toISOString() })) };
  });
}
