/** `GET /api/security-events`: refused handshakes and claims, tampered bundles, expiring certificates. */
import type { FastifyInstance } from "fastify";
import type { SecurityEvents } from "../security/events.js";
import { readMesh } from "../security/right.js";

const query = { type: "object", properties: { after: { type: "integer", minimum: 0 } } } as const;

/** Adds the route. `?after=` leaves out the events up to that sequence number. */
export function addSecurityEventRoute(app: FastifyInstance, source: Pick<SecurityEvents, "list">): void {
  app.get<{ Querystring: { after?: number } }>(
    "/api/security-events",
    { schema: { querystring: query }, config: { right: readMesh } },
    (request) => {
      const after = request.query.after ?? 0;
      const iso = (ms: number) => new Date(ms).toISOString();
      const events = source.list().filter(({ sequence }) => sequence > after);
      return { events: events.map((event) => ({ ...event, at: iso(event.at), lastAt: iso(event.lastAt) })) };
    },
  );
}
