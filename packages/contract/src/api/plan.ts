/** Plans: what a change of policies would change at the proxies, and for requests. */
import { z } from "zod";
import { documentChange, documentsBody } from "./policy.js";
import { count } from "./scalar.js";
import type { View } from "./view.js";

/** Requests of a sample at most. */
export const largestSample = 1_000;

const text = z.string().max(8_192);

/** A request of a sample. */
export const sampleRequest = z
  .strictObject({
    method: text.describe("`GET`."),
    host: text.describe("The authority, with its port where it has one."),
    path: text.describe("With the query; empty for a CONNECT without one."),
    headers: z
      .record(z.string(), text)
      .refine((headers) => Object.keys(headers).length <= 100, "these are too many headers. Use at most 100")
      .describe("By lower-case name; of several with one name the values, joined by commas. At most 100."),
    from: text.optional().describe("The service that sends it; every one unless given."),
    count: z.int().min(1).optional().describe("How often it stands in the sample."),
  })
  .meta({ id: "SampleRequest", description: "A request of a sample." });
/** See `sampleRequest`. */
export type SampleRequest = View<typeof sampleRequest>;

/** What is planned. */
export const planBody = documentsBody
  .extend({
    requests: z
      .array(sampleRequest)
      .max(largestSample)
      .optional()
      .describe("Requests of which it is said whether they would go elsewhere."),
    relayed: z.boolean().optional().describe("Another replica asks, and wants to hear of this one's proxies alone."),
    bundle: z.string().max(64).optional().describe("The bundle that the asking replica compares with."),
  })
  .meta({ id: "PolicyPlanQuestion", description: "What is planned." });

/** A resource that some proxies would get another way. */
export const resourceChange = z
  .object({
    type: z.string().describe("`cluster`, `endpoints`, `listener`, `routes`, `extension`, `secret` or `other`."),
    typeUrl: z.string(),
    name: z.string(),
    from: z.string().nullable().describe("Its version; null where there is none."),
    to: z.string().nullable().describe("Its version; null where there is none."),
    before: z.unknown().describe("Canonical proto JSON with every Any expanded; null where there is none."),
    after: z.unknown().describe("Canonical proto JSON with every Any expanded; null where there is none."),
    proxies: z.array(z.string()).describe("By node ID, sorted."),
  })
  .meta({ id: "ResourceChange", description: "A resource that some proxies would get another way." });
/** See `resourceChange`. */
export type ResourceChange = View<typeof resourceChange>;

const ways = z.array(z.unknown()).describe("The ways of such a request: share, virtual host, route and destination.");

/** A request that would go elsewhere. */
export const routeChange = z
  .object({
    request: sampleRequest,
    from: z.string().describe("The service whose proxies send it."),
    before: ways,
    after: ways,
    now: z.string().describe("`before` in words."),
    next: z.string().describe("`after` in words."),
    proxies: z.array(z.string()).describe("By node ID, sorted."),
  })
  .meta({ id: "RouteChange", description: "A request that would go elsewhere, from the proxies of one service." });
/** See `routeChange`. */
export type RouteChange = View<typeof routeChange>;

/** What one replica finds among its own proxies. */
export const ownPlan = z.object({
  proxies: count.describe("Connected proxies of the replicas that answered."),
  changed: count.describe("How many of them get other resources."),
  resources: z.array(resourceChange),
  requests: z.array(routeChange),
  changedProxies: z.array(z.object({ node: z.string(), service: z.string() })).describe("The proxies that get other resources."),
});
/** See `ownPlan`. */
export type OwnPlan = View<typeof ownPlan>;

/** What a change would change at the proxies of all replicas. */
export const plan = ownPlan.extend({
  replicas: count.describe("Replicas that answered."),
  silent: z.array(z.string()).describe("Those that did not, with why."),
});
/** See `plan`. */
export type Plan = View<typeof plan>;

/** The answer of `POST /api/policies/plan`: without `documents` to another replica, which asks of this one's proxies alone. */
export const policyPlan = z
  .union([plan.extend({ documents: z.array(documentChange) }), ownPlan])
  .meta({ id: "PolicyPlan", description: "What a change would change at the proxies. A relayed question is answered for one replica." });
