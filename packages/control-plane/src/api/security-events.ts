/** `GET /api/security-events`: refused handshakes and claims, tampered bundles, expiring certificates, at any control plane. */
import { type SecurityEventList, type SecurityEventView, securityEventList, securityEventView } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { SecurityEvents } from "../security/events.js";
import { readMesh } from "../security/right.js";
import { createMeshJournal, type JournalParts, type MeshJournal, placeOf } from "./mesh-journal.js";
import { pageOf, pageQuery } from "./page.js";
import { addRoute } from "./route.js";

/** The security events of all control planes. */
export function createMeshSecurityEvents(parts: JournalParts, events: Pick<SecurityEvents, "list">): MeshJournal<SecurityEventView> {
  const iso = (ms: number) => new Date(ms).toISOString();
  return createMeshJournal(parts, {
    path: "/v1/agents/security-events",
    summary: "The security events of one control plane",
    entry: securityEventView,
    own: () => events.list().map((event) => ({ ...event, at: iso(event.at), lastAt: iso(event.lastAt) })),
  });
}

/** Adds the route. */
export function addSecurityEventRoute(app: FastifyInstance, source: Pick<MeshJournal<SecurityEventView>, "list">): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/security-events",
      tag: "events",
      summary: "What may be an attack, or is about to lock somebody out",
      right: readMesh,
      query: z.strictObject(pageQuery),
      answers: { 200: securityEventList },
    },
    async (request, reply): Promise<SecurityEventList> => {
      const { entries, silent } = await source.list();
      const page = pageOf(request, reply, entries, placeOf);
      return { nextCursor: page.nextCursor, silent, events: page.entries };
    },
  );
}
