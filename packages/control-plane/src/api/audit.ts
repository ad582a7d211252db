/** `GET /api/audit`: who changed what, and who was refused what, oldest first. */
import { auditKinds, auditList } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Audit } from "../security/audit.js";
import { readMesh } from "../security/right.js";
import { pageOf, pageQuery, sequenceName } from "./page.js";
import { addRoute } from "./route.js";
import { enclosed, sendSliced } from "./sliced.js";

const query = z.strictObject({
  ...pageQuery,
  after: z.int().min(0).optional().describe("Leaves out the entries up to that sequence number."),
  kind: z.enum(auditKinds).optional().describe("Only entries of this kind."),
});

/** Adds the route. */
export function addAuditRoute(app: FastifyInstance, source: Pick<Audit, "list">): void {
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
    (request, reply) => {
      const { after = 0, kind } = request.query;
      const entries = source.list().filter((entry) => entry.sequence > after && (kind === undefined || entry.kind === kind));
      const page = pageOf(request, reply, entries, sequenceName);
      const head = page.nextCursor === undefined ? "{" : `{"nextCursor":"${page.nextCursor}",`;
      return sendSliced(
        reply,
        enclosed(`${head}"entries":[`, page.entries, (entry) => JSON.stringify(entry), "]}"),
      );
    },
  );
}
