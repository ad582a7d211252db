/** What became of each change, as the API shows it. */
import { z } from "zod";
import { changeKinds, changeOutcomes } from "../ledger.js";
import { count, time } from "./scalar.js";
import type { View } from "./view.js";

const milliseconds = z.number().nonnegative();

/** How the proxies that a change concerns stand. */
export const ledgerProxies = z
  .object({
    concerned: count.describe("Proxies that subscribe to something it made other; the sum of the fields below, each proxy counted once."),
    acknowledged: count.describe("Took it."),
    refused: count.describe("Did not take it."),
    gone: count.describe("Their stream ended first, so they are not waited for."),
    abandoned: count.describe("Not waited for any more: their control plane was started anew, or its ledger was full."),
    waiting: count.describe("Have not answered."),
  })
  .meta({
    id: "LedgerProxies",
    description: "The proxies that a change concerns, each counted once, at all control planes that answered.",
  });
/** See `ledgerProxies`. */
export type LedgerProxies = View<typeof ledgerProxies>;

/** A proxy that refused a change. */
export const ledgerRefusal = z
  .object({
    node: z.string().describe("The proxy: `<Consul node>/<service id>`."),
    resource: z.string().describe("What it refused: `cluster orders`."),
    message: z.string().describe("What it said."),
    policies: z.array(z.string()).describe("The policies that it was made from, with the fields that are to blame where they are known."),
  })
  .meta({ id: "LedgerRefusal", description: "A proxy that refused a change, and why." });
/** See `ledgerRefusal`. */
export type LedgerRefusal = View<typeof ledgerRefusal>;

/** A change at one control plane. */
export const ledgerReplica = z
  .object({
    replica: z.string().describe("The control plane, `host:port` of its API."),
    state: z
      .enum(["recorded", "covered", "not-seen", "before"])
      .describe(
        "`covered`: it saw this and later changes of the same thing as one, which is `coveredBy`. `not-seen`: it has not read it from Consul. " +
          "`before`: its ledger begins later.",
      ),
    coveredBy: z.string().optional().describe("The ID of the change that it saw in place of this."),
    seen: time.optional().describe("When it saw the change, by its own clock."),
    compiledMs: milliseconds.optional().describe("From there until the resources were made."),
    sentMs: z.object({ first: milliseconds, last: milliseconds }).optional().describe("From there until the first and the last was sent."),
    proxies: ledgerProxies.optional(),
  })
  .meta({ id: "LedgerReplica", description: "A change as one control plane saw it." });
/** See `ledgerReplica`. */
export type LedgerReplica = View<typeof ledgerReplica>;

/** A change. */
export const ledgerEntry = z
  .object({
    id: z.string().describe("The same at every control plane."),
    kind: z.enum(changeKinds),
    service: z.string().optional().describe("The service that it is about; absent where it is about the mesh."),
    what: z.string().describe("What changed, in words."),
    seen: time.describe("When the first control plane saw it."),
    outcome: z.enum(changeOutcomes),
    overtakenBy: z.string().optional().describe("The change that went out in its place."),
    note: z.string().optional().describe("What else is to be known of its outcome."),
    together: z.array(z.string()).describe("The first of the changes that a control plane compiled in one step with it."),
    resources: z.array(z.string()).describe("The first of the resources that it made other: `endpoints orders`."),
    compiledMs: milliseconds.optional().describe("From being seen until compiled, at the slowest control plane; milliseconds."),
    sentMs: z
      .object({ first: milliseconds, last: milliseconds })
      .optional()
      .describe("From being seen until sent to the first and to the last proxy; milliseconds."),
    proxies: ledgerProxies,
    acknowledgedMs: z
      .object({ p50: milliseconds, p99: milliseconds, last: milliseconds })
      .optional()
      .describe(
        "From being seen at its control plane until acknowledged, over the proxies of all control planes; milliseconds. The percentiles are " +
          "true to 2 %, the last exactly.",
      ),
    lastProxy: z.string().optional().describe("The proxy that acknowledged last."),
    laggards: z.array(z.string()).describe("The first of the proxies that have not answered."),
    refusals: z.array(ledgerRefusal).describe("The first of the refusals."),
    gone: z.array(z.string()).describe("The first of the proxies whose stream ended before they answered."),
    replicas: z.array(ledgerReplica).describe("The change at each control plane that answered."),
  })
  .meta({ id: "LedgerEntry", description: "A change, and what became of it at all control planes." });
/** See `ledgerEntry`. */
export type LedgerEntry = View<typeof ledgerEntry>;

/** The changes. */
export const ledgerList = z
  .object({
    changes: z.array(ledgerEntry).describe("Oldest first."),
    more: z.boolean().describe("Older ones were left out."),
    silent: z.array(z.string()).describe("Control planes that did not answer, each with the reason: their proxies count as not having it."),
  })
  .meta({ id: "LedgerList", description: "What became of each change." });
/** See `ledgerList`. */
export type LedgerList = View<typeof ledgerList>;

/** One change. */
export const ledgerAnswer = z
  .object({ change: ledgerEntry, silent: z.array(z.string()).describe("Control planes that did not answer, each with the reason.") })
  .meta({ id: "LedgerAnswer", description: "What became of one change." });
/** See `ledgerAnswer`. */
export type LedgerAnswer = View<typeof ledgerAnswer>;

/** What of the ledger is wanted. */
export const ledgerQuery = z.strictObject({
  service: z.string().max(256).optional().describe("Only changes about this service."),
  kind: z.enum(changeKinds).optional().describe("Only changes of this kind."),
  since: z.iso.datetime().optional().describe("Only changes seen after this moment, RFC 3339."),
  limit: z.int().min(1).max(1_000).default(100).describe("How many, the newest ones; 100 unless given."),
});
/** See `ledgerQuery`. */
export type LedgerQuery = View<typeof ledgerQuery>;
