import { create } from "@bufbuild/protobuf";
import type { GrpcCalls } from "@legation/contract/api";
import { NodeSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { ClusterStatsSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/load_report";
import { createTestClock } from "@legation/runtime/testing";
import { expect, it } from "vitest";
import { callsInterval, createGrpcCallBook } from "./grpc-calls.js";

const clock = createTestClock();
const called: GrpcCalls[] = [];
const book = createGrpcCallBook({ metrics: { called: (calls) => called.push(calls as GrpcCalls) }, clock });
const node = (kind: string) =>
  create(NodeSchema, {
    id: "machine/client-1",
    metadata: { legation: { api: 1, service: "client", kind, inbound: "10.0.0.1:1", app: "10.0.0.1:2", dependencies: ["orders"] } },
  });
const stats = (clusterName: string) =>
  create(ClusterStatsSchema, {
    clusterName,
    totalDroppedRequests: 2n,
    upstreamLocalityStats: [
      { totalSuccessfulRequests: 5n, totalErrorRequests: 1n, totalRequestsInProgress: 3n },
      { totalSuccessfulRequests: 6n, totalErrorRequests: 0n, totalRequestsInProgress: 1n },
    ],
  });

it("keeps a node's newest report for a while, over all zones, and counts it", async () => {
  book.reporting.onReport({ node: node("grpc"), clusters: [stats("orders")] });
  const expected = { orders: { succeeded: 11, failed: 1, dropped: 2, underWay: 4 } };
  expect(book.of("machine/client-1")).toEqual(expected);
  expect(called).toEqual([expected.orders]);
  await clock.advance(2 * callsInterval);
  expect(book.of("machine/client-1")).toEqual(expected);
  await clock.advance(callsInterval);
  expect(book.of("machine/client-1")).toEqual({});
});

it("takes no word for a service that the node does not depend on, and none from an Envoy, whose agent reports", () => {
  called.length = 0;
  book.reporting.onReport({ node: node("grpc"), clusters: [stats("invented")] });
  expect(book.of("machine/client-1")).toEqual({});
  book.reporting.onReport({ node: node("sidecar"), clusters: [stats("orders")] });
  expect(book.of("machine/client-1")).toEqual({});
  expect(called).toEqual([]);
});
