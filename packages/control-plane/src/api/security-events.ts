/** `GET /api/security-events`: refused handshakes and claims, tampered bundles, expiring certificates. */
import { type SecurityEventList, securityEventList } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { SecurityEvents } from "../security/events.js";
import { readMesh } from "../security/right.js";
import { pageOf, pageQuery, sequenceName } from "./page.js";
import { addRoute } from "./route.js";

const query = z.strictObject({
  ...pageQuery,
  after: z.int().min(0).optional().describe("Leaves out the events up to that sequence number."),
});

/** Adds the route. */
export function addSecurityEventRoute(app: FastifyInstance, source: Pick<SecurityEvents, "list">): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/security-events",
      tag: "events",
      summary: "What may be an attack, or is about to lock somebody out",
      right: readMesh,
      query,
      answers: { 200: securityEventList },
    },
    (request, reply): SecurityEventList => {
      const after = request.query.after ?? 0;
      const iso = (ms: number) => new Date(ms).toISOString();
      const events = source.list().filter(({ sequence }) => sequence > after);
      const { entries, nextCursor } = pageOf(request, reply, events, sequenceName);
      return { nextCursor, events: entries.map((event) => ({ ...event, at: iso(event.at), lastAt: iso(event.lastAt) })) };
    },
  );
}
