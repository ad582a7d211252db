/** Streams of proxies for tests, as control planes tell of them. */
import type { ProxyStream } from "@legation/contract/api";

/** The type URL of clusters. */
export const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/** A type of which three resources were sent and acknowledged. */
export const clustersTaken: ProxyStream["types"][number] = {
  type: "cluster",
  typeUrl: clusterType,
  ...{ sent: 3, acknowledged: 3, version: "v", outstandingSince: null, lastAcknowledgedAt: null, rejected: [], lastRejection: null },
};

/** A stream that is up to date, with what `more` says otherwise. */
export function proxyStream(node: string, service: string, more: Partial<ProxyStream> = {}): ProxyStream {
  return {
    ...{ node, service, kind: "sidecar", stream: 1, peer: "127.0.0.1:5000", variant: "delta", envoy: "1.40.0" },
    ...{ openedAt: "2026-01-01T00:00:00.000Z", ready: true, behindMs: null, acknowledgedMs: 5, resourcesSent: 3 },
    ...{ types: [clustersTaken], problems: [], calls: {}, quarantined: [], ...more },
  };
}
