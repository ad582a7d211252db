/** What an Envoy holds beside what it was sent, as the API shows it. */
import { z } from "zod";
import { count, time } from "./scalar.js";
import type { View } from "./view.js";

/** The ways in which a resource can differ. */
export const driftKinds = ["missing", "extra", "other-version", "other-endpoints", "warming", "failed"] as const;

/** One resource that differs. */
export const driftView = z
  .object({
    type: z.string().describe("`cluster`, `endpoints`, `listener`, `routes`, `extension` or `secret`."),
    name: z.string(),
    kind: z
      .enum(driftKinds)
      .describe(
        "`missing`: Envoy does not have it. `extra`: it was not sent. `other-version`: Envoy has another one than was sent. `other-endpoints`: Envoy has other addresses. `warming`: Envoy has it and does not use it yet. `failed`: Envoy could not put it into effect.",
      ),
    sent: z.string().nullable().describe("The version that was sent; null for none."),
    held: z.string().nullable().describe("The version that Envoy has; null for none. Of endpoints how many addresses, and a hash of them."),
    since: time.nullable().describe("Since when it is so, as far as Envoy says it."),
    text: z.string().describe("All of this in a sentence."),
  })
  .meta({ id: "DriftView", description: "A resource in which an Envoy and what it was sent differ." });
/** See `driftView`. */
export type DriftView = View<typeof driftView>;

/** The answer of `GET /api/proxies/{node}/{id}/drift`. */
export const driftReport = z
  .object({
    node: z.string().describe("`<Consul node>/<service id>`."),
    service: z.string().nullable(),
    state: z
      .enum(["none", "drift", "unknown"])
      .describe(
        "`none`: Envoy holds what it was sent. `drift`: it differs, at two looks. `unknown`: it could not be compared; `reason` says why.",
      ),
    reason: z.string().describe("In a sentence."),
    envoy: z.string().nullable().describe("Envoy's version, as it says itself."),
    replica: z.string().nullable().describe("The control plane whose stream was compared: `host:port` of its HTTP API."),
    stream: count.nullable().describe("The number of that stream there."),
    streams: count.describe("Streams of this proxy at all control planes: two while an Envoy hands over to the next."),
    compared: count.describe("Resources that were compared."),
    pending: count.describe(
      "Of these, resources that Envoy was sent and has not acknowledged yet: they count as neither equal nor different.",
    ),
    differences: z.array(driftView).describe("The first 200."),
    leftOut: count.describe("Differences beyond these."),
    draining: z.array(z.string()).describe("Listeners that Envoy keeps until their connections have ended."),
    silent: z.array(z.string()).describe("Control planes that did not answer, each with the reason."),
  })
  .meta({ id: "DriftReport", description: "One Envoy's own config dump, read through its agent, beside what its stream was sent." });
/** See `driftReport`. */
export type DriftReport = View<typeof driftReport>;

/** Differences in a report, at most. */
export const driftsShown = 200;
