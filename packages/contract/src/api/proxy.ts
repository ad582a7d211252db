/** Proxies as the API shows them: each stream, what it was sent, took and refused. */
import { z } from "zod";
import { quarantineView } from "./quarantine.js";
import { count, time } from "./scalar.js";
import { meshProblem } from "./service.js";
import type { View } from "./view.js";

const versions = z.record(z.string(), z.string());

/** One type of resource on one stream. */
export const typeView = z
  .object({
    type: z.string().describe("`cluster`, `endpoints`, `listener`, `routes` or `other`."),
    typeUrl: z.string(),
    sent: versions.describe("Versions by name."),
    acknowledged: versions.describe("Versions by name."),
    outstandingSince: time.nullable().describe("A response waits for its answer since then."),
    rejected: z
      .array(
        z.object({
          name: z.string(),
          version: z.string(),
          message: z.string().describe("The proxy's own words."),
          attempts: count,
          provenance: z.unknown().optional().describe("What it was made of: service, policies, paths inside them."),
        }),
      )
      .describe("Refused, and held back at its last good version."),
    lastRejection: z
      .object({ message: z.string(), names: z.array(z.string()), at: time })
      .nullable()
      .describe("The last refusal, also after it was overcome."),
  })
  .meta({ id: "ProxyTypeView", description: "One type of resource on one stream." });
/** See `typeView`. */
export type TypeView = View<typeof typeView>;

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
export const proxyView = z
  .object({
    node: z.string().describe("`<Consul node>/<service id>`."),
    service: z.string().nullable().describe("Null as long as the node has not said what it is."),
    kind: z.string().nullable().describe("`sidecar`, `gateway` or `grpc`."),
    stream: count.describe("Its number at this control plane."),
    peer: z.string().describe("Its address."),
    variant: z.string().describe("`delta` or `sotw`."),
    openedAt: time,
    ready: z.boolean().describe("False while there is no state for it."),
    resourcesSent: count.describe("On this stream, counting each time."),
    types: z.array(typeView),
    problems: z.array(meshProblem).describe("What is wrong with the node's own description."),
    calls: z
      .record(z.string(), grpcCalls)
      .describe("By service, the calls of a gRPC application without an Envoy in the last 10 s, as its client reports them."),
    quarantined: z.array(quarantineView).describe("What it is not given because a proxy refused it; it has the last good version."),
  })
  .meta({ id: "ProxyView", description: "One stream of a proxy: what it was sent, took and refused." });
/** See `proxyView`. */
export type ProxyView = View<typeof proxyView>;

/** The answer of `GET /api/proxies`. */
export const proxyList = z
  .object({
    total: count.describe("Streams in this answer."),
    resourcesSent: count.describe("Since the control plane's start, on all streams."),
    proxies: z.array(proxyView),
  })
  .meta({ id: "ProxyList", description: "The proxies of the services that the caller may read." });
/** See `proxyList`. */
export type ProxyList = View<typeof proxyList>;
