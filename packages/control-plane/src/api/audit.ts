/** `GET /api/audit`: who changed what, and who was refused what, at any control plane, oldest first. */
import { auditKinds, auditList, type MeshAuditEntry, meshAuditEntry } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Audit } from "../security/audit.js";
import { readMesh } from "../security/right.js";
import { createMeshJournal, type JournalParts, type MeshJournal, placeOf } from "./mesh-journal.js";
import { pageOf, pageQuery } from "./page.js";
import { addRoute } from "./route.js";
import { enclosed, sendSliced } from "./sliced.js";

const query = z.strictObject({ ...pageQuery, kind: z.enum(auditKinds).optional().describe("Only entries of this kind.") });

/** The audit of all control planes. */
export function createMeshAudit(parts: JournalParts, audit: Pick<Audit, "list">): MeshJournal<MeshAuditEntry> {
  return createMeshJournal(parts, {
    path: "/v1/agents/audit",
    summary: "The audit of one control plane",
    entry: meshAuditEntry,
    own: audit.list,
  });
}

/** Adds the route. */
export function addAuditRoute(app: FastifyInstance, source: Pick<MeshJournal<MeshAuditEntry>, "list">): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/audit",
      tag: "events",
      summary: "Who changed what, and who was refused what",
      right: readMesh,
      query,
      answers: { 200: auditList },
    },
    async (request, reply) => {
      const { kind } = request.query;
      const { entries, silent } = await source.list();
      const chosen = entries.filter((entry) => kind === undefined || entry.kind === kind);
      const page = pageOf(request, reply, chosen, placeOf);
      const next = page.nextCursor === undefined ? "" : `"nextCursor":${JSON.stringify(page.nextCursor)},`;
      return sendSliced(
        reply,
        enclosed(`{${next}"silent":${JSON.stringify(silent)},"entries":[`, page.entries, (entry) => JSON.stringify(entry), "]}"),
      );
    },
  );
}
