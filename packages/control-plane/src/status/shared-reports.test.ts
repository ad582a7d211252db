import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { createReports, reportAge } from "../channel/reports.js";
import { createGather } from "../replicas/gather.js";
import { agentReport } from "../testing/agent-report.js";
import { createSharedReports, rowsAtOnce, type SharedReports } from "./shared-reports.js";

/** Two control planes that can ask each other, with the questions that were asked. */
function pair() {
  const clock = createTestClock();
  const asked: { readonly to: string; readonly after: number }[] = [];
  const mute = new Set<string>();
  const held: (() => void)[] = [];
  let holding = false;
  const own = { r1: createReports(clock), r2: createReports(clock) } as const;
  const shared = (name: "r1" | "r2", other: "r1" | "r2"): SharedReports =>
    createSharedReports({
      reports: own[name],
      clock,
      gather: createGather({
        others: () => [{ replica: other, address: `${other}:8080`, tls: false }],
        async ask(to, _path, body) {
          const { after } = body as { after: number };
          asked.push({ to: to.replica, after });
          if (holding) await new Promise<void>((resolve) => held.push(resolve));
          if (mute.has(to.replica)) throw new Error("refused the connection");
          return JSON.parse(JSON.stringify(both[other].rowsAfter(after)));
        },
      }),
    });
  const both = { r1: shared("r1", "r2"), r2: shared("r2", "r1") };
  return {
    clock,
    own,
    ...both,
    asked,
    mute,
    hold: () => {
      holding = true;
    },
    release: () => {
      holding = false;
      for (const go of held.splice(0)) go();
    },
  };
}

test("each replica answers with the reports of all, the newest of each instance", async () => {
  const { clock, own, r1, r2 } = pair();
  own.r1.add(agentReport({ id: "o1", state: "starting" }));
  own.r2.add(agentReport({ id: "o2", load: { latency: 1, errors: 0, idle: 0 } }));
  await clock.advance(1_000);
  own.r2.add(agentReport({ id: "o1", state: "running" }));
  expect(await Promise.all([r1.refresh(), r2.refresh()])).toEqual([[], []]);
  for (const replica of [r1, r2]) {
    expect([...replica.keys()].sort()).toEqual(["n1/o1", "n1/o2"]);
    expect(replica.of("n1/o1")).toMatchObject({ report: { state: "running" }, silent: false });
  }
  expect(r1.of("n1/o2")?.report).not.toHaveProperty("load");
  expect(r1.of("n1/o2")?.receivedAt).toBe(r2.of("n1/o2")?.receivedAt);
});

test("only what is new is asked for, and a long answer comes in parts", async () => {
  const { own, r1, asked } = pair();
  for (let i = 0; i <= rowsAtOnce; i++) own.r2.add(agentReport({ id: `i${i}` }));
  await r1.refresh();
  expect(r1.of(`n1/i${rowsAtOnce}`)).toBeDefined();
  own.r2.add(agentReport({ id: "late" }));
  await r1.refresh();
  await r1.refresh();
  expect(asked.map(({ after }) => after)).toEqual([0, rowsAtOnce, rowsAtOnce + 1, rowsAtOnce + 2]);
  expect(r1.of("n1/late")).toBeDefined();
});

test("who is silent is named, and what it said before grows old", async () => {
  const { clock, own, r1, mute } = pair();
  own.r2.add(agentReport({ id: "o1" }));
  await r1.refresh();
  mute.add("r2");
  await clock.advance(reportAge.silentAfter + 1);
  expect(await r1.refresh()).toEqual(["r2:8080 refused the connection"]);
  expect(r1.of("n1/o1")?.silent).toBe(true);
  await clock.advance(reportAge.forgetAfter);
  expect(r1.of("n1/o1")).toBeUndefined();
  expect([...r1.keys()]).toEqual([]);
});

test("however many ask at once, there are two questions: the one under way, and one that begins after all have asked", async () => {
  const { own, r1, asked, hold, release } = pair();
  hold();
  const first = r1.refresh();
  const later = Array.from({ length: 50 }, () => r1.refresh());
  own.r2.add(agentReport({ id: "o1" }));
  release();
  await first;
  await Promise.all(later);
  expect(asked).toHaveLength(2);
  expect(r1.of("n1/o1")).toBeDefined();
});

test("a replica that answers with what cannot be read is silent, and the next question is asked anew", async () => {
  const clock = createTestClock();
  let answer: unknown = { rows: [{ report: null, receivedAt: 1, age: 0 }], upTo: 1, more: false };
  const shared = createSharedReports({
    reports: createReports(clock),
    clock,
    gather: createGather({ others: () => [{ replica: "r2", address: "r2:8080", tls: false }], ask: async () => answer }),
  });
  const odd = ["r2:8080 answered with something else"];
  expect(await Promise.all([shared.refresh(), shared.refresh()])).toEqual([odd, odd]);
  answer = { rows: [{ report: agentReport({ id: "o1" }), receivedAt: 1, age: 0 }], upTo: 1, more: false };
  expect(await shared.refresh()).toEqual([]);
  expect([...shared.keys()]).toEqual(["n1/o1"]);
});
