import { stripVTControlCharacters } from "node:util";
import type { LoadReport } from "@legation/local";
import { describe, expect, it } from "vitest";
import type { InstanceView, Overview } from "./overview.js";
import { frame, ms, paint, summaryLine, type ViewState } from "./view.js";

const report = (part: Partial<LoadReport>): LoadReport => ({
  due: 0,
  succeeded: 0,
  failed: 0,
  pending: 0,
  durationMs: 5_000,
  byInstance: {},
  failuresByReason: {},
  failures: [],
  latency: { count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 },
  ...part,
});
const six = ["web-1", "orders-1", "orders-2", "orders-3", "payments-1", "payments-2"];
const instance = (id: string, part: Partial<InstanceView> = {}): InstanceView => ({
  id,
  service: id.replace(/-\d+$/, ""),
  standing: "passing",
  usableBy: 1,
  callers: 1,
  ...part,
});
const overview: Overview = {
  consul: "up",
  controlPlane: "up",
  connected: 3,
  envoys: 3,
  instances: [instance("orders-1"), instance("orders-2", { standing: "critical", usableBy: 0 }), instance("web-1", { callers: 0 })],
};
const state: ViewState = {
  upMs: 83_000,
  addresses: [{ name: "Consul's UI", url: "http://127.0.0.1:8500/ui/", note: "port 8500 is taken" }],
  overview,
  recent: report({
    succeeded: 250,
    byInstance: { "orders-1": 250, "web-1": 250 },
    latency: { count: 250, p50: 4.21, p90: 7, p99: 12.6, p999: 20, max: 20 },
  }),
  total: report({ due: 12_345, failed: 7 }),
  rates: Array.from({ length: 90 }, (_, i) => i % 50),
  failures: [0, 0, 7],
  events: Array.from({ length: 20 }, (_, i) => ({ at: new Date(2020, 1, 1, 4, 5, i), text: `event ${i} ${"long ".repeat(30)}` })),
  hints: ["  kill 4711"],
};
const plain = () => frame(state, paint(false), 40);

describe("a frame", () => {
  it("is never wider than 80 columns, with colours or without", () => {
    for (const colours of [true, false])
      for (const line of frame(state, paint(colours), 40)) expect([...stripVTControlCharacters(line)].length).toBeLessThanOrEqual(80);
  });

  it("shows rates, latencies and failures", () => {
    expect(plain()).toContainEqual(expect.stringMatching(/^50\.0\/s answered {3}p50 4\.2 ms {3}p99 13 ms +failed 7 of 12,345$/));
  });

  it("shows how many calls were mutual TLS, how many were denied, and when the first certificate ends", () => {
    const ends = Date.now() + (2 * 24 + 23) * 3_600_000 + 30_000;
    const look = { ...overview, identity: { certificates: 3, firstEnds: ends, calls: new Map() } };
    const instances = look.instances.map((one) => ({ ...one, tls: "required" }));
    const of = (all: number) =>
      frame({ ...state, overview: { ...look, instances }, calls: { all, tls: 149, denied: 12, active: 1 } }, paint(false), 40);
    const rest = "   required by 3/3   denied 12   certificates 2 d 23 h";
    expect(of(150)).toContain(`● mutual TLS 149/150${rest}`);
    expect(of(160)).toContain(`✗ mutual TLS 149/160${rest}`);
    expect(plain().some((line) => line.includes("TLS"))).toBe(false);
  });

  it("has a row for each instance: standing, callers' Envoys, rate and share of its service", () => {
    const row = (id: string) => plain().find((line) => line.startsWith(id)) ?? "";
    expect(row("orders-1")).toMatch(/^orders-1 +passing +1\/1 +50\.0 +█{24} 100 %$/);
    expect(row("orders-2")).toMatch(/^orders-2 +critical +0\/1 +0\.0 +0 %$/);
    expect(row("web-1")).toMatch(/^web-1 +passing +– +50\.0/);
  });

  it("shows the newest events, and cuts what is too long", () => {
    const events = plain().filter((line) => /^\d\d:\d\d:\d\d/.test(line));
    expect(events.map((line) => line.slice(0, 18))).toEqual([12, 13, 14, 15, 16, 17, 18, 19].map((i) => `04:05:${i}  event ${i}`));
    expect(events[0]?.endsWith("…")).toBe(true);
  });

  it("fits into 24 rows, and then has fewer events", () => {
    const hints = ["one", "two", "three"];
    const low = frame({ ...state, hints, overview: { ...overview, instances: six.map((id) => instance(id)) } }, paint(false), 24);
    expect(low.length).toBeLessThanOrEqual(24);
    expect(low.at(-1)).toMatch(/^04:05:19/);
    expect(low.filter((line) => line.startsWith("04:05")).length).toBeLessThan(8);
  });

  it("draws the failures of the last minute only when there are some", () => {
    expect(plain().some((line) => line.endsWith("failed"))).toBe(true);
    expect(frame({ ...state, failures: [0, 0] }, paint(false), 40).some((line) => line.endsWith("failed"))).toBe(false);
  });
});

describe("a line for outputs that are no terminal", () => {
  it("has the same figures", () => {
    expect(summaryLine(state)).toBe("50.0/s answered, p50 4.2 ms, p99 13 ms, failed 7 of 12,345; 2 of 3 instances passing");
  });
});

describe("milliseconds", () => {
  it("are written with the digits that matter", () => {
    expect([0, 4.21, 85.4, 1_234].map(ms)).toEqual(["0.0 ms", "4.2 ms", "85 ms", "1.2 s"]);
  });
});
