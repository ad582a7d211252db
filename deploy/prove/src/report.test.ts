import type { LoadReport } from "@legation/local";
import { describe, expect, it } from "vitest";
import type { Departure } from "./departure.js";
import { report } from "./report.js";
import { holds, type Result, stepTimes, totals } from "./result.js";

const load = (over: Partial<LoadReport> = {}): LoadReport => ({
  due: 1_000,
  succeeded: 1_000,
  failed: 0,
  pending: 0,
  durationMs: 1_000,
  byInstance: {},
  failuresByReason: {},
  failures: [],
  latency: { count: 1_000, p50: 1, p90: 2, p99: 3, p999: 4, max: 5 },
  ...over,
});

const departure = (ms: number): Departure => ({
  id: "orders-1",
  code: 0,
  ms: ms + 10,
  steps: [{ step: "2", outcome: "acknowledged by all", ms, at: 0 }],
});

function result(over: Partial<Result> = {}, http1 = load()): Result {
  return {
    figures: {
      byKind: { "HTTP/1.1 GET": http1, "HTTP/1.1 POST": load(), "HTTP/2 GET": load(), "HTTP/2 POST": load(), "gRPC messages": load() },
      streams: { opened: 10, ok: 10, broken: [] },
    },
    faults: [
      {
        name: "none",
        title: "plain restart",
        step: "-",
        restarts: 2,
        requests: 100,
        failed: 0,
        notes: [`step 1: ${"a long story ".repeat(10)}`],
        departures: [departure(300), departure(500)],
        kills: [],
        long: [{ kind: "HTTP/2", cut: true, reason: "503" }],
      },
    ],
    problems: [],
    ms: 90_000,
    ...over,
  };
}

describe("the verdict", () => {
  it("holds when nothing failed; requests that outlived the drain limit are counted apart", () => {
    expect(holds(result())).toBe(true);
    expect(report(result())).toContain("HOLDS: 0 of 5,000 requests failed");
    expect(report(result())).toContain("1 of 1 requests that outlived the drain limit were cut");
  });

  it.each<[string, Result]>([
    ["a request", result({}, load({ failed: 1, failuresByReason: { "503 reset": 1 } }))],
    ["a stream", result({ figures: { ...result().figures, streams: { opened: 10, ok: 9, broken: [] } } })],
    ["a part", result({ problems: ["orders-1 left with code 1 instead of 0"] })],
  ])("fails for the sake of %s", (_what, failing) => {
    expect(holds(failing)).toBe(false);
    expect(report(failing)).toContain("FAILS: ");
  });

  it("names each cause of failures with its number", () => {
    expect(report(result({}, load({ failed: 3, failuresByReason: { "503 reset": 3 } })))).toMatch(/HTTP\/1\.1 GET +3 {2}503 reset/);
  });
});

describe("what was in flight at a kill", () => {
  const failure = (at: number, afterMs: number) => ({ at, afterMs, reason: "503", answeredBy: [] });
  const killed = (http1: LoadReport, kind: "HTTP/1.1 GET" | "HTTP/1.1 POST", part: "app" | "agent"): Result => {
    const base = result();
    const [fault] = base.faults;
    if (!fault) throw new Error("the result has a fault");
    return {
      ...base,
      figures: { ...base.figures, byKind: { ...base.figures.byKind, [kind]: http1 } },
      faults: [{ ...fault, kills: [{ part, at: 10_000 }] }],
    };
  };

  it("is counted apart where no proxy may repeat it", () => {
    const one = load({ failed: 1, failures: [failure(9_500, 505)] });
    expect(totals(killed(one, "HTTP/1.1 POST", "app"))).toMatchObject({ failed: 0, inFlight: 1 });
    expect(holds(killed(one, "HTTP/1.1 POST", "app"))).toBe(true);
  });

  it.each<[string, Result]>([
    ["it may be repeated", killed(load({ failed: 1, failures: [failure(9_500, 505)] }), "HTTP/1.1 GET", "app")],
    ["only the agent was killed", killed(load({ failed: 1, failures: [failure(9_500, 505)] }), "HTTP/1.1 POST", "agent")],
    ["it began later", killed(load({ failed: 1, failures: [failure(10_200, 5)] }), "HTTP/1.1 POST", "app")],
    ["it ended before", killed(load({ failed: 1, failures: [failure(9_000, 5)] }), "HTTP/1.1 POST", "app")],
    ["it ended much later", killed(load({ failed: 1, failures: [failure(9_900, 4_000)] }), "HTTP/1.1 POST", "app")],
  ])("is a failure when %s", (_when, failing) => {
    expect(totals(failing)).toMatchObject({ failed: 1, inFlight: 0 });
    expect(holds(failing)).toBe(false);
  });
});

describe("the tables", () => {
  it("fit 80 columns", () => {
    expect(
      Math.max(
        ...report(result())
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
  });

  it("give each step's median and maximum", () => {
    expect(stepTimes([departure(300), departure(500), departure(100)])).toEqual([
      { step: "2", count: 3, p50: 300, max: 500 },
      { step: "all", count: 3, p50: 310, max: 510 },
    ]);
  });
});
