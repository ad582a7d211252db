/** Notices of agents that their instances leave or arrive, and what becomes of them. */
import { z } from "zod";
import { routingLimit } from "../channel.js";
import { instanceFields, word } from "./agent-report.js";
import { count } from "./scalar.js";

/** An instance goes out of the callers' routing, or comes back into it. */
export const routingNotice = z
  .object({
    ...instanceFields,
    service: word,
    limitMs: z
      .int()
      .min(1)
      .max(routingLimit.max)
      .optional()
      .describe(
        `The answer must come within this time, whoever has not acknowledged by then; milliseconds. ${routingLimit.default} unless given.`,
      ),
    relayed: z
      .boolean()
      .optional()
      .describe("True when a control plane asks another one: that one answers for its own proxies, and asks nobody."),
    again: z.boolean().optional().describe("True when an instance that is out only has its earlier notice held on to: that is no news."),
    tls: z
      .boolean()
      .optional()
      .describe(
        "True on arriving when an instance whose registration takes mutual TLS only asks whether each caller's proxy has it with TLS, so that plain text may be refused. Nothing changes in its routing. `accepted` is false while the control plane does not see that registration.",
      ),
  })
  .meta({ id: "RoutingNotice", description: "An instance goes out of the callers' routing, or comes back into it." });

/** What became of it: the proof that no proxy sends the instance new requests (that all do), or the names of those in doubt. */
export const routingReply = z
  .object({
    accepted: z
      .boolean()
      .describe(
        "A control plane has the instance, and gives it to the callers as the notice says. False: it is not in their routing at all.",
      ),
    subscribers: count.describe("The proxies that subscribe to the service, at all control planes that answered."),
    laggards: z
      .array(z.string())
      .describe("The proxies (`<Consul node>/<service id>`) that had not acknowledged at the limit; the first 1,000 of them."),
    withoutCertificate: z
      .array(z.string())
      .optional()
      .describe(
        "Of the laggards of a notice with `tls` those that have no certificate: they call in plain text, however long they are waited for.",
      ),
    replicas: count.describe("Control planes that answered."),
    silent: z.array(z.string()).describe("Control planes that did not, each with the reason: what their proxies hold is not known."),
    replica: z.string().describe("Which control plane answers; told apart by this where several share an address."),
  })
  .meta({ id: "RoutingReply", description: "What became of a notice: the proof that it is in force, or the names of those in doubt." });
