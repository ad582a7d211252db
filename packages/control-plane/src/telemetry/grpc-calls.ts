/** What became of the calls of gRPC applications without an Envoy, by the load reports of their clients: nobody else counts them. */
import { decodeNodeMetadata } from "@legation/contract";
import type { GrpcCalls } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import type { LoadReport, LoadReporting } from "@legation/xds";
import type { Metrics } from "./metrics.js";

/** Milliseconds from one report of an application to the next. Each takes a few hundred bytes. */
export const callsInterval = 10_000;

/** A report older than this is forgotten. */
const keptFor = 3 * callsInterval;

/** See the file's sentence. */
export interface GrpcCallBook {
  /** For the xDS server. */
  readonly reporting: LoadReporting;
  /** By service, the newest report of a node; empty for one that has not reported lately. */
  of(node: string): Readonly<Record<string, GrpcCalls>>;
}

/** Makes an empty book. */
export function createGrpcCallBook({ metrics, clock }: { readonly metrics: Pick<Metrics, "called">; readonly clock: Clock }): GrpcCallBook {
  /** The one that was heard last stands last. */
  const newest = new Map<string, { readonly at: number; readonly calls: Readonly<Record<string, GrpcCalls>> }>();

  function forget(): void {
    const oldest = clock.monotonic() - keptFor;
    for (const [node, { at }] of newest) {
      if (at > oldest) return;
      newest.delete(node);
    }
  }

  return {
    reporting: {
      intervalMs: callsInterval,
      onReport({ node, clusters }) {
        const metadata = decodeNodeMetadata(node.metadata?.["legation"]);
        if (typeof metadata === "string" || metadata.kind !== "grpc") return;
        const known = new Set(metadata.dependencies.map(({ name }) => name));
        const calls = Object.fromEntries(
          clusters.filter(({ clusterName }) => known.has(clusterName)).map((cluster) => [cluster.clusterName, callsOf(cluster)]),
        );
        for (const one of Object.values(calls)) metrics.called(one);
        newest.delete(node.id);
        newest.set(node.id, { at: clock.monotonic(), calls });
        forget();
      },
    },
    of(node) {
      forget();
      return newest.get(node)?.calls ?? {};
    },
  };
}

function callsOf({ upstreamLocalityStats, totalDroppedRequests }: LoadReport["clusters"][number]): GrpcCalls {
  const sum = (count: (zone: (typeof upstreamLocalityStats)[number]) => bigint) =>
    Number(upstreamLocalityStats.reduce((all, zone) => all + count(zone), 0n));
  return {
    succeeded: sum((zone) => zone.totalSuccessfulRequests),
    failed: sum((zone) => zone.totalErrorRequests),
    dropped: Number(totalDroppedRequests),
    underWay: sum((zone) => zone.totalRequestsInProgress),
  };
}
