import { expect, test } from "vitest";
import { exceededLimits, figuresFilter, readFigures } from "./page.js";

const page = (overflows: number, reached = 0) =>
  readFigures(`# TYPE envoy_cluster_upstream_rq_pending_overflow counter
envoy_cluster_upstream_rq_pending_overflow{envoy_cluster_name="orders"} ${overflows}
envoy_cluster_upstream_rq_retry_overflow{envoy_cluster_name="payments"} 0
envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name="orders"} ${reached}
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="inbound",le="0.5"} 8
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="inbound"} 404.9
envoy_cluster_upstream_rq_time_count{envoy_cluster_name="inbound"} 9
`);

test("response times of the own service and limits towards others are read from one page", () => {
  expect(page(0)).toMatchObject({ timed: 9, timeMs: 404.9 });
  expect(readFigures("")).toEqual({ timed: 0, timeMs: 0, limits: new Map(), sent: new Map() });
});

test("a limit is exceeded while it is reached, and when something was turned away since the page before", () => {
  expect(exceededLimits(page(3), page(3))).toEqual(new Map());
  expect(exceededLimits(page(3), page(4))).toEqual(new Map([["orders", "the limit of pending requests"]]));
  expect(exceededLimits(page(3), page(3, 1))).toEqual(new Map([["orders", "the limit of requests"]]));
  // What the first page counts may have been long ago.
  expect(exceededLimits(undefined, page(4))).toEqual(new Map());
  expect(exceededLimits(readFigures(""), page(4))).toEqual(new Map([["orders", "the limit of pending requests"]]));
});

test("Envoy is asked for these figures alone", () => {
  const wanted = new RegExp(figuresFilter);
  for (const name of [
    "cluster.inbound.upstream_rq_time",
    "cluster.orders.circuit_breakers.default.cx_open",
    "cluster.orders.upstream_cx_overflow",
    "cluster.orders.upstream_rq_total",
  ])
    expect(wanted.test(name), name).toBe(true);
  for (const name of ["cluster.orders.upstream_rq_time", "cluster.orders.circuit_breakers.high.cx_open", "http.inbound.downstream_rq_5xx"])
    expect(wanted.test(name), name).toBe(false);
});

test("what was sent to services is counted, and nothing of what goes to the control plane or to the application", () => {
  const { sent, limits } = readFigures(`envoy_cluster_upstream_rq_total{envoy_cluster_name="db"} 1
envoy_cluster_upstream_rq_total{envoy_cluster_name="inbound"} 7
envoy_cluster_upstream_rq_total{envoy_cluster_name="legation_xds"} 2
envoy_cluster_upstream_rq_total{envoy_cluster_name="orders"} 4812
envoy_cluster_upstream_rq_total{envoy_cluster_name="payments"} 0
`);
  expect([...sent]).toEqual([
    ["db", 1],
    ["orders", 4812],
  ]);
  expect(limits.size).toBe(0);
});
