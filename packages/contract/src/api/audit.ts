/** The audit as the API shows it: who changed what, and who was refused what. */
import { z } from "zod";
import { count, nextCursor, time } from "./scalar.js";
import type { View } from "./view.js";

const details = z.record(z.string(), z.union([z.string(), z.number()]));

/** Who calls the API. */
export const callerView = z
  .object({
    kind: z
      .enum(["token", "service", "anonymous", "open"])
      .describe(
        "`token`: by an ACL token. `service`: by the certificate of a service. `anonymous`: shows neither. `open`: Consul uses no ACLs, so that nobody is asked.",
      ),
    accessor: z.string().optional().describe("The public ID of the token, where Consul says it."),
    name: z.string().optional().describe("The token's description."),
    spiffeId: z.string().optional(),
    address: z.string().describe("Where the request comes from, without the port."),
  })
  .meta({ id: "Caller", description: "Who called the API; never with a secret." });
/** See `callerView`. */
export type CallerView = View<typeof callerView>;

const controlPlane = z.string().describe("Which control plane keeps it: `host:port` of its HTTP API.");
const silent = z.array(z.string()).describe("The control planes that did not answer, each with the reason: their entries are missing.");

/** The kinds of entries. */
export const auditKinds = ["change", "refusal"] as const;

/** One entry. */
export const auditEntry = z
  .object({
    sequence: z.int().min(1).describe("Rises by one at each control plane, also over restarts."),
    at: time,
    count: count.describe("Equal refusals within a minute are one entry."),
    kind: z.enum(auditKinds),
    requestId: z.string(),
    caller: callerView,
    action: z.string().describe("Method and route: `POST /api/services/:name/release`."),
    target: z.array(z.string()).describe("What it is about: the ACL rules that it needs, as HCL."),
    outcome: z
      .enum(["done", "failed", "refused"])
      .describe("`refused` for what the caller may not do, `failed` for what was permitted and did not happen."),
    status: z.int().describe("The HTTP status."),
    detail: details.optional().describe("The code of the problem, and more that the route has told."),
  })
  .describe("A change that was made over the API, or a request that was refused.");
/** See `auditEntry`. */
export type AuditEntry = View<typeof auditEntry>;

/** One entry among those of all control planes. */
export const meshAuditEntry = auditEntry
  .extend({ controlPlane })
  .meta({ id: "AuditEntry", description: "A change that was made over the API of a control plane, or a request that was refused." });
/** See `meshAuditEntry`. */
export type MeshAuditEntry = View<typeof meshAuditEntry>;

/** The answer of `GET /api/audit`. */
export const auditList = z
  .object({ nextCursor, silent, entries: z.array(meshAuditEntry).describe("Oldest first.") })
  .meta({ id: "AuditList", description: "The audit of all control planes." });
/** See `auditList`. */
export type AuditList = View<typeof auditList>;

/** One security event. */
export const securityEventView = z
  .object({
    controlPlane,
    sequence: z.int().min(1).describe("Rises by one at each control plane from its start."),
    kind: z.string().describe("`handshake-refused`, `claim-refused`, `calls-denied`, …"),
    subject: z.string().describe("Whom it is about: a peer's address without its port, a service, a SPIFFE ID, a bundle."),
    message: z.string().describe("What happened, in a sentence; never with a secret."),
    detail: details.optional(),
    at: time.describe("The first time."),
    lastAt: time.describe("The last time."),
    count: count.describe("How many reports it stands for."),
  })
  .meta({ id: "SecurityEventView", description: "What may be an attack, or is about to lock somebody out." });
/** See `securityEventView`. */
export type SecurityEventView = View<typeof securityEventView>;

/** The answer of `GET /api/security-events`. */
export const securityEventList = z
  .object({ nextCursor, silent, events: z.array(securityEventView).describe("Oldest first.") })
  .meta({ id: "SecurityEventList", description: "The security events of all control planes, each since its start." });
/** See `securityEventList`. */
export type SecurityEventList = View<typeof securityEventList>;
