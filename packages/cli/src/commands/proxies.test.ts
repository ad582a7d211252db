/** What `legation proxies` shows of what a control plane answers. */
import type { DriftReport, ProxyDetail, ProxyView } from "@legation/contract/api";
import { expect, it } from "vitest";
import { showProxy } from "../proxies/detail.js";
import { showDrift } from "../proxies/drift.js";
import { ageText, showProxies } from "../proxies/list.js";
import { paper } from "../screen.js";

const cluster = {
  type: "cluster",
  typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  ...{
    sent: 3,
    acknowledged: 3,
    version: "2f9ab12c44d1e03b",
    outstandingSince: null,
    lastAcknowledgedAt: null,
    rejected: [],
    lastRejection: null,
  },
};

function proxy(node: string, more: Partial<ProxyView> = {}): ProxyView {
  return {
    ...{ node, service: "web", kind: "sidecar", stream: 1, peer: "127.0.0.1:5000", variant: "delta", envoy: "1.40.0" },
    ...{ openedAt: "2026-01-01T00:00:00.000Z", ready: true, behindMs: null, acknowledgedMs: 4_200, resourcesSent: 3 },
    ...{ types: [cluster], problems: [], calls: {}, quarantined: [], connected: true, replica: "10.0.0.1:8080", streams: 1 },
    ...{ state: "up-to-date", reason: "it has acknowledged all 3 resources", ...more },
  };
}

const rejected = [
  { name: "orders", version: "2", message: "no such thing", attempts: 1, policies: ["Service/orders: balancing.slowStart"] },
];
const refusing = proxy("n1/web-2", {
  ...{ state: "refused", behindMs: 12_400, types: [{ ...cluster, acknowledged: 2, rejected }] },
  reason: "Service/orders: balancing.slowStart: it refused cluster orders: no such thing",
});
const absent = proxy("n2/web-3", {
  ...{
    state: "absent",
    connected: false,
    replica: null,
    envoy: null,
    openedAt: null,
    stream: null,
    types: [],
    acknowledgedMs: null,
    streams: 0,
  },
  reason: "it is not connected: its Envoy is down: its port is taken",
});

it("lists all proxies, and below them what is wrong with each", () => {
  expect(
    showProxies(
      { proxies: [proxy("n1/web-1"), refusing, absent], silent: ["10.0.0.2:8080 refused the connection"] },
      { ...paper, width: 90 },
    ),
  ).toBe(`PROXY     SERVICE  ENVOY   CONTROL PLANE  ACCEPTED  STATE
n1/web-1  web      1.40.0  10.0.0.1:8080  3 of 3    up-to-date
n1/web-2  web      1.40.0  10.0.0.1:8080  2 of 3    refused
n2/web-3  web      -       -              -         absent

n1/web-2: Service/orders: balancing.slowStart: it refused cluster orders: no such thing
n2/web-3: it is not connected: its Envoy is down: its port is taken
No answer from the control plane at 10.0.0.2:8080 refused the connection
`);
  expect(showProxies({ proxies: [], silent: [] }, paper)).toBe("No proxy is connected.\n");
});

it("shows one proxy in full", () => {
  const detail: ProxyDetail = {
    proxy: refusing,
    versions: [{ type: "cluster", typeUrl: cluster.typeUrl, sent: { a: "1", b: "2" }, acknowledged: { a: "1" }, absent: ["ghost"] }],
    ...{ older: [], silent: [] },
  };
  const text = showProxy(detail, paper);
  expect(text).toContain("state: refused\nconnected: since 2026-01-01T00:00:00.000Z, to 10.0.0.1:8080 (stream 1, delta)\n");
  expect(text).toContain("Refused: cluster orders (Service/orders: balancing.slowStart), 1 time: no such\n  thing\n");
  expect(text).toContain("Not acknowledged: cluster b\nAsked for, and not there: cluster ghost\n");
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

it("shows what Envoys hold beside what they were sent", () => {
  const report: DriftReport = {
    ...{ node: "n1/web-1", service: "web", state: "none", reason: "Envoy holds the 12 resources that it was sent", envoy: "1.40.0" },
    ...{ replica: "10.0.0.1:8080", stream: 1, streams: 1, compared: 12, pending: 0, differences: [], leftOut: 0, draining: [], silent: [] },
  };
  const text = "cluster orders: Envoy does not hold it; d54b was sent and acknowledged";
  const drifted: DriftReport = {
    ...report,
    ...{
      node: "n1/web-2",
      state: "drift",
      differences: [{ type: "cluster", name: "orders", kind: "missing", sent: "d54b", held: null, since: null, text }],
    },
  };
  const silent: DriftReport = {
    ...report,
    node: "n1/web-3",
    state: "unknown",
    envoy: null,
    compared: 0,
    reason: "Envoy does not answer its admin port",
  };
  expect(showDrift([report, drifted, silent], paper)).toBe(`PROXY     ENVOY   COMPARED  ON THEIR WAY  DIFFERENT  DRIFT
n1/web-1  1.40.0        12             0          0  none
n1/web-2  1.40.0        12             0          1  drift
n1/web-3  -              0             0          0  unknown

n1/web-2: cluster orders: Envoy does not hold it; d54b was sent and acknowledged
n1/web-3: Envoy does not answer its admin port
`);
});

it("tells ages in the unit that fits", () => {
  expect([null, 400, 12_400, 180_000, 7_200_000, 432_000_000].map(ageText)).toEqual(["-", "0.4 s", "12 s", "3 min", "2 h", "5 d"]);
});
