/** Load reporting: asks clients for the load that they put on clusters, and hands their reports on. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { ClusterStats } from "@legation/envoy-api/envoy/config/endpoint/v3/load_report";
import { LoadStatsRequestSchema, LoadStatsResponseSchema } from "@legation/envoy-api/envoy/service/load_stats/v3/lrs";
import type { Objection } from "./auxiliary.js";
import { readNode } from "./node.js";
import { type Call, framed, Status, type Wire } from "./transport.js";
import { FieldReader } from "./wire.js";

/** The method of the load reporting service. */
export const loadReportPath = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats";

/** What to ask of clients, and who hears their answers. */
export interface LoadReporting {
  /** Milliseconds between the reports of a client. */
  readonly intervalMs: number;
  /** The clusters that a node reports; "all" by default. */
  readonly clusters?: (node: Node) => readonly string[] | "all";
  /** Ask for figures per endpoint; per locality by default. */
  readonly endpoints?: boolean;
  /** Called for each report; not called for the first, empty one. Must not throw. */
  onReport(report: LoadReport): void;
}

/** The load of some clusters, as one client saw it since its last report. */
export interface LoadReport {
  readonly node: Node;
  readonly clusters: readonly ClusterStats[];
}

/** Serves one client's stream of reports. */
export function serveLoadReports(wire: Wire, reporting: LoadReporting, objectionTo: Objection): Call {
  let node: Node | undefined;
  return {
    message(bytes) {
      if (node) {
        const { clusterStats: clusters } = fromBinary(LoadStatsRequestSchema, bytes);
        if (clusters.length > 0) reporting.onReport({ node, clusters });
        return;
      }
      const read = readNode(encodedNode(bytes));
      if ("fault" in read) {
        wire.end(Status.INVALID_ARGUMENT, read.fault);
        return;
      }
      const objection = objectionTo(read.node);
      if (objection !== undefined) {
        wire.end(Status.PERMISSION_DENIED, objection);
        return;
      }
      node = read.node;
      const clusters = reporting.clusters?.(node) ?? "all";
      const response = create(LoadStatsResponseSchema, {
        ...(clusters === "all" ? { sendAllClusters: true } : { clusters: [...clusters] }),
        loadReportingInterval: durationFromMs(reporting.intervalMs),
        reportEndpointGranularity: reporting.endpoints ?? false,
      });
      wire.write(framed(toBinary(LoadStatsResponseSchema, response)), () => undefined);
    },
    halfClose: () => wire.end(Status.OK, ""),
    closed: () => undefined,
  };
}

/** The node of a request, which has more than a node only later in its stream. Throws MalformedMessage. */
function encodedNode(bytes: Buffer): Buffer | undefined {
  const reader = new FieldReader(bytes);
  let node: Buffer | undefined;
  while (reader.next()) if (reader.field === LoadStatsRequestSchema.field.node.number) node = reader.value();
  return node;
}
