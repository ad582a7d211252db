/** `GET /api/audit`: who changed what, and who was refused what, oldest first. */
import type { FastifyInstance } from "fastify";
import type { Audit } from "../security/audit.js";
import { readMesh } from "../security/right.js";
import { enclosed, sendSliced } from "./sliced.js";

const query = {
  type: "object",
  properties: { after: { type: "integer", minimum: 0 }, kind: { enum: ["change", "refusal"] } },
} as const;

/** Adds the route. `?after=` leaves out the entries up to that sequence number, `?kind=` those of the other kind. */
export function addAuditRoute(app: FastifyInstance, source: Pick<Audit, "list">): void {
  const options = { schema: { querystring: query }, config: { right: readMesh } };
  app.get<{ Querystring: { after?: number; kind?: "change" | "refusal" } }>("/api/audit", options, (request, reply) => {
    const { after = 0, kind } = request.query;
    const entries = source.list().filter((entry) => entry.sequence > after && (kind === undefined || entry.kind === kind));
    return sendSliced(
      reply,
      enclosed('{"entries":[', entries, (entry) => JSON.stringify(entry), "]}"),
    );
  });
}
