/** Why a request goes where it goes: what `GET /api/explain` answers. */
import { z } from "zod";
import type { View } from "./view.js";

/** Where something was decided. */
export const decidedBy = z
  .object({
    source: z
      .enum(["policy", "registration", "catalog", "intention", "figures", "caller", "default"])
      .describe(
        "`policy`: a document of an operator. `registration`: a wish in the service's registration. `catalog`: Consul's registry and checks. `intention`: an intention in Consul. `figures`: what the caller's proxy measured. `caller`: the caller's own configuration. `default`: nobody has said anything else.",
      ),
    document: z.string().optional().describe("The document as `Kind/name`, or the rule of the intention: `web=>orders`."),
    path: z.string().optional().describe("The place in the document: `rules[0].to`."),
  })
  .meta({ id: "DecidedBy", description: "Who decided it, and where that is written." });
/** See `decidedBy`. */
export type DecidedBy = View<typeof decidedBy>;

/** One step of the way through the caller's proxy. */
export const explainedStep = z
  .object({
    at: z.enum(["caller", "listener", "host", "route", "fault", "request", "mirror"]).describe("What of the caller's proxy decides here."),
    name: z.string().describe("Its name in Envoy."),
    text: z.string().describe("What happens, for people."),
    details: z.array(z.string()).describe("More of it: rules that were passed over, each with why, and rules that are never asked."),
    decidedBy: z.array(decidedBy),
  })
  .meta({ id: "ExplainedStep", description: "One step of the way through the caller's proxy." });
/** See `explainedStep`. */
export type ExplainedStep = View<typeof explainedStep>;

const share = z.number().min(0).max(1).describe("Of the requests that are like this one, from 0 to 1.");

/** An instance of the service that the request is for, or why it is none of those that may answer. */
export const explainedEndpoint = z
  .object({
    instance: z.string().describe("`<Consul node>/<service id>`."),
    address: z.string().describe("`host:port` where callers reach it."),
    in: z.boolean().describe("It may answer such a request."),
    share,
    state: z
      .enum([
        "serving",
        "panic",
        "standby",
        "unhealthy",
        "draining",
        "ejected",
        "other-subset",
        "other-region",
        "omitted",
        "denied",
        "unreachable",
      ])
      .describe(
        "`serving`: takes requests. `panic`: tried although it is ill, since too few are well. `standby`: well, and requests go to nearer ones. `ejected`: the caller's proxy leaves it alone for a while. `omitted`: in no proxy. `denied`: an intention refuses the caller. `unreachable`: it takes no connection of this kind.",
      ),
    reason: z.string().describe("Why, for people."),
    region: z.string(),
    zone: z.string(),
    priority: z.int().optional().describe("0 is tried first; absent where the caller's proxy does not have it."),
    weight: z.int().optional(),
    checks: z
      .array(z.object({ id: z.string(), name: z.string(), status: z.string(), output: z.string(), since: z.string().optional() }))
      .describe("Its checks in Consul that do not pass, with what they said and, RFC 3339, since when this was seen."),
    until: z.string().optional().describe("When an ejection ends at the earliest; RFC 3339."),
    decidedBy: z.array(decidedBy),
  })
  .meta({ id: "ExplainedEndpoint", description: "An instance, and why it may answer or not." });
/** See `explainedEndpoint`. */
export type ExplainedEndpoint = View<typeof explainedEndpoint>;

/** One of the places where such requests go. */
export const explainedWay = z
  .object({
    share,
    service: z.string().describe("The service, which is the name of the cluster."),
    subset: z.string().optional(),
    text: z.string().describe("How an instance is chosen, for people."),
    settings: z
      .array(z.object({ name: z.string(), value: z.string(), decidedBy }))
      .describe("How such requests are sent: timeouts, retries, limits, breaker."),
    endpoints: z
      .array(explainedEndpoint)
      .describe("All instances, those that answer first. Empty where the caller may not read the service."),
    nobody: z.number().describe("The share of the requests of this way for which no instance is found, from 0 to 1."),
  })
  .meta({ id: "ExplainedWay", description: "One of the places where such requests go." });
/** See `explainedWay`. */
export type ExplainedWay = View<typeof explainedWay>;

/** What may become of the request. */
export const explainedOutcome = z
  .object({
    share,
    by: z
      .enum(["instance", "instance-proxy", "caller-proxy"])
      .describe("Who answers: the application of an instance, the proxy before it, or the caller's own proxy."),
    service: z.string().optional(),
    instance: z.string().optional(),
    address: z.string().optional(),
    status: z.int().optional().describe("Of HTTP; absent where the application chooses it, and 0 where the connection is closed."),
    grpcStatus: z.int().optional(),
    flags: z.array(z.string()).describe("Envoy's response flags in the caller's access log."),
    body: z.string().optional(),
    location: z.string().optional().describe("Where a redirect leads."),
    delayMs: z.number().optional().describe("A fault makes it wait; milliseconds."),
    why: z.string().describe("For people."),
  })
  .meta({ id: "ExplainedOutcome", description: "What may become of the request, with its likelihood." });
/** See `explainedOutcome`. */
export type ExplainedOutcome = View<typeof explainedOutcome>;

/** The whole explanation. */
export const explanation = z
  .object({
    request: z.object({
      method: z.string(),
      url: z.string(),
      host: z.string(),
      path: z.string(),
      headers: z.record(z.string(), z.string()),
    }),
    caller: z.object({
      service: z.string(),
      instance: z.string().describe("The instance whose proxy is asked about: ejections and limits are each proxy's own."),
      region: z.string(),
      zone: z.string(),
      kind: z.string(),
    }),
    summary: z.string().describe("What would answer, in a sentence."),
    steps: z.array(explainedStep),
    ways: z.array(explainedWay),
    outcomes: z.array(explainedOutcome).describe("The most likely first; their shares sum to 1."),
    notes: z.array(z.string()).describe("What else counts now: limits that are exceeded, content that proxies refused, data that is old."),
    otherCallers: z
      .array(z.object({ instance: z.string(), zone: z.string(), summary: z.string() }))
      .describe("Other instances of the caller, each with what would answer there; at most 20."),
    silent: z.array(z.string()).describe("Control planes that did not answer, so that callers connected to them are not known."),
  })
  .meta({ id: "Explanation", description: "The way of a request through the caller's proxy, and what would answer." });
/** See `explanation`. */
export type Explanation = View<typeof explanation>;

/** One of Envoy's response flags, and what it says here. */
export const explainedFlag = z
  .object({
    flag: z.string(),
    name: z.string().describe("Envoy's long name."),
    meaning: z.string(),
    action: z.string().describe("What to do."),
    here: z.array(z.string()).describe("What is so in this mesh now that can be its cause."),
  })
  .meta({ id: "ExplainedFlag", description: "One of Envoy's response flags, and what it says here." });
/** See `explainedFlag`. */
export type ExplainedFlag = View<typeof explainedFlag>;

/** What a line of Envoy's access log says; what the line does not have is absent. */
export const accessLine = z
  .object({
    flags: z.array(z.string()),
    status: z.int().optional(),
    method: z.string().optional(),
    host: z.string().optional(),
    path: z.string().optional(),
    upstream: z.string().optional().describe("`host:port` of the instance that was tried last."),
    cluster: z.string().optional(),
    route: z.string().optional(),
    details: z.string().optional().describe("Envoy's response code details, or why the connection ended."),
    requestId: z.string().optional(),
    time: z.string().optional(),
  })
  .meta({ id: "AccessLine", description: "What a line of Envoy's access log says." });
/** See `accessLine`. */
export type AccessLine = View<typeof accessLine>;

/** What flags, or a line with them, mean here. */
export const flagExplanation = z
  .object({
    line: accessLine.optional(),
    flags: z.array(explainedFlag),
    findings: z.array(z.string()).describe("What the rest of the line says: the instance that was tried, the rule that refused."),
    explanation: explanation.optional().describe("Where such a request goes now; absent where the caller or the request is not known."),
    silent: z.array(z.string()).describe("Control planes that did not answer."),
  })
  .meta({ id: "FlagExplanation", description: "What response flags, or a line of an access log, mean here and now." });
/** See `flagExplanation`. */
export type FlagExplanation = View<typeof flagExplanation>;
