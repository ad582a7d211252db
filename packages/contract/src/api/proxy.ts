/** Proxies as the API shows them: where each is connected, what it was sent, took and refused, and how old that is. */
import { z } from "zod";
import { quarantineView } from "./quarantine.js";
import { count, nextCursor, time } from "./scalar.js";
import { meshProblem } from "./service.js";
import type { View } from "./view.js";

const milliseconds = z.number().nonnegative();

/** A resource that a proxy refused. */
export const proxyRejection = z
  .object({
    name: z.string(),
    version: z.string(),
    message: z.string().describe("The proxy's own words."),
    attempts: count,
    provenance: z.unknown().optional().describe("What it was made of: service, source, policies."),
    policies: z
      .array(z.string())
      .describe(
        "Where the cause is to be looked for: `Service/orders: balancing.slowStart`; the documents alone where no field is to blame.",
      ),
  })
  .meta({ id: "ProxyRejection", description: "A resource that the proxy refused: it is held back at its last good version." });

/** One type of resource on one stream. */
export const proxyTypeView = z
  .object({
    type: z.string().describe("`cluster`, `endpoints`, `listener`, `routes`, `extension`, `secret` or `other`."),
    typeUrl: z.string(),
    sent: count.describe("Resources that it was sent, each once, as far as they exist now."),
    acknowledged: count.describe("Of these, those that it acknowledged in the version that was sent last."),
    version: z.string().describe("A hash of what it acknowledged, names and versions: equal at two proxies that hold the same."),
    outstandingSince: time.nullable().describe("A response waits for its answer since then."),
    lastAcknowledgedAt: time.nullable(),
    rejected: z.array(proxyRejection),
    lastRejection: z
      .object({ message: z.string(), names: z.array(z.string()), at: time })
      .nullable()
      .describe("The last refusal, also after it was overcome."),
  })
  .meta({ id: "ProxyTypeView", description: "One type of resource on one stream." });
/** See `proxyTypeView`. */
export type ProxyTypeView = View<typeof proxyTypeView>;

/** The calls of a gRPC application to one service. */
export const grpcCalls = z
  .object({
    succeeded: count,
    failed: count.describe("Ended with another status than OK."),
    dropped: count.describe("Never begun: the limit of requests under way was reached."),
    underWay: count,
  })
  .meta({ id: "GrpcCalls", description: "The calls to one service within one report, as the client's own gRPC library counts them." });
/** See `grpcCalls`. */
export type GrpcCalls = View<typeof grpcCalls>;

/** One stream of a proxy. */
export const proxyStream = z
  .object({
    node: z.string().describe("`<Consul node>/<service id>`."),
    service: z.string().nullable().describe("Null as long as the node has not said what it is."),
    kind: z.string().nullable().describe("`sidecar`, `gateway` or `grpc`."),
    stream: count.describe("Its number at its control plane."),
    peer: z.string().describe("Its address."),
    variant: z.string().describe("`delta` or `sotw`."),
    envoy: z.string().nullable().describe("The version of Envoy, or of the client's library, as it says itself."),
    openedAt: time.describe("Connected since then."),
    ready: z.boolean().describe("False while there is no state for it."),
    behindMs: milliseconds
      .nullable()
      .describe(
        "How long it has owed an acknowledgement of something that changed, or held on to what it had instead of what it refused; null when it holds the newest.",
      ),
    acknowledgedMs: milliseconds.nullable().describe("Since its last acknowledgement on this stream; null before the first."),
    resourcesSent: count.describe("On this stream, counting each time."),
    types: z.array(proxyTypeView),
    problems: z.array(meshProblem).describe("What is wrong with the node's own description."),
    calls: z
      .record(z.string(), grpcCalls)
      .describe("By service, the calls of a gRPC application without an Envoy in the last 10 s, as its client reports them."),
    quarantined: z.array(quarantineView).describe("What it is not given because a proxy refused it; it has the last good version."),
  })
  .meta({ id: "ProxyStream", description: "One stream of a proxy: what it was sent, took and refused." });
/** See `proxyStream`. */
export type ProxyStream = View<typeof proxyStream>;

/** How a proxy can stand. */
export const proxyStates = ["up-to-date", "behind", "refused", "quarantined", "waiting", "absent", "unknown"] as const;
/** One of `proxyStates`. */
export type ProxyState = (typeof proxyStates)[number];

/** One proxy. */
export const proxyView = proxyStream
  .extend({
    state: z
      .enum(proxyStates)
      .describe(
        "`behind`: it has not acknowledged all that it was sent. `refused`: it refused something. `quarantined`: it holds the newest but for what another proxy refused. `waiting`: connected, and there is no state for it yet. `absent`: it should be connected and is not. `unknown`: the same, while a control plane is silent to which it may be connected.",
      ),
    reason: z.string().describe("In a sentence."),
    connected: z.boolean(),
    replica: z.string().nullable().describe("The control plane it is connected to: `host:port` of its HTTP API."),
    streams: count.describe(
      "Its streams at all control planes; what is shown is of the newest. Two are usual while an Envoy hands over to the next.",
    ),
    stream: count.nullable(),
    peer: z.string().nullable(),
    variant: z.string().nullable(),
    openedAt: time.nullable(),
  })
  .meta({ id: "ProxyView", description: "One proxy, by its newest stream, at whichever control plane; or one that should be there." });
/** See `proxyView`. */
export type ProxyView = View<typeof proxyView>;

/** The answer of `GET /api/proxies`. */
export const proxyList = z
  .object({
    total: count.describe("Proxies on all pages."),
    nextCursor,
    connected: count.describe("Of these, those that are connected."),
    states: z.partialRecord(z.enum(proxyStates), count).describe("How many are in which state; those in which none is are absent."),
    resourcesSent: count.describe("Since the start of the control plane that answers, on its own streams."),
    proxies: z.array(proxyView).describe("In the order of their names."),
    silent: z
      .array(z.string())
      .describe("Control planes that did not answer, each with the reason: what is connected to them is not known."),
  })
  .meta({ id: "ProxyList", description: "The proxies of the services that the caller may read, over all control planes." });
/** See `proxyList`. */
export type ProxyList = View<typeof proxyList>;

const versions = z.record(z.string(), z.string());

/** The versions of one type. */
export const proxyVersions = z
  .object({
    type: z.string(),
    typeUrl: z.string(),
    sent: versions.describe("Versions by name."),
    acknowledged: versions.describe("Versions by name."),
    absent: z.array(z.string()).describe("Names that it asked for and that do not exist."),
  })
  .meta({ id: "ProxyVersions", description: "What a stream was sent and acknowledged of one type, resource by resource." });
/** See `proxyVersions`. */
export type ProxyVersions = View<typeof proxyVersions>;

/** The answer of `GET /api/proxies/{node}/{id}`. */
export const proxyDetail = z
  .object({
    proxy: proxyView,
    versions: z.array(proxyVersions).describe("Of the newest stream."),
    older: z.array(proxyStream.extend({ replica: z.string() })).describe("Its other streams, the newest first."),
    silent: z.array(z.string()).describe("Control planes that did not answer, each with the reason."),
  })
  .meta({ id: "ProxyDetail", description: "One proxy with the versions of all that it was sent." });
/** See `proxyDetail`. */
export type ProxyDetail = View<typeof proxyDetail>;
