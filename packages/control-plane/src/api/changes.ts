/** `GET /v1/changes`: what happened to the mesh, oldest first. */
import type { FastifyInstance } from "fastify";
import type { Change } from "../reconcile/changes.js";
import { listing, meshRead } from "../security/right.js";

/** What the route reads. */
export interface ChangeSource {
  list(): readonly Change[];
}

const query = { type: "object", properties: { after: { type: "integer", minimum: 0 } } } as const;

/** Adds the route: what happened to services that the caller may read, and with the right to read the mesh to all of it. `?after=` leaves out what a reader has seen: the sequence number of the last one. */
export function addChangeRoute(app: FastifyInstance, source: ChangeSource): void {
  app.get<{ Querystring: { after?: number } }>(
    "/v1/changes",
    { schema: { querystring: query }, config: { right: listing } },
    async (request) => {
      const after = request.query.after ?? 0;
      const newer = source.list().filter((change) => change.sequence > after);
      const may = await request.access.readable(newer.flatMap(({ service }) => service ?? []));
      const wide = await request.access.mayRead(meshRead);
      const changes = newer.filter(({ service }) => (service === undefined ? wide : may.has(service)));
      return { changes: changes.map((change) => ({ ...change, at: new Date(change.at).toISOString() })) };
    },
  );
}
