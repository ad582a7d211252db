import type { AgentReport, ReportedBreaker, ReportedLoad } from "@legation/contract";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { reportAge } from "../channel/reports.js";
import { agentReport } from "../testing/agent-report.js";
import { createFigureBook, type FigureRow, refreshAfter } from "./book.js";

const load: ReportedLoad = { latency: 9, errors: 0, idle: 0 };
const slow: ReportedLoad = { ...load, latency: 16 };
const breaker: ReportedBreaker = {
  service: "payments",
  address: "10.0.0.1:80",
  state: "open",
  cause: "consecutive 5xx",
  since: "2026-01-01T00:00:00Z",
};
const report = (more: Partial<AgentReport> = {}, id = "o1") => agentReport({ id, ...more });
const everything = 1_000_000;

function setUp(start?: number) {
  const clock = createTestClock(start);
  const changes: unknown[] = [];
  return { clock, changes, book: createFigureBook(clock, (change) => changes.push(change)) };
}

test("what an agent says is known until it says otherwise, and only what is new is told", async () => {
  const { book, changes, clock } = setUp();
  book.take(report({ load }));
  book.take(report({ load }));
  expect(book.loadOf("n1/o1", "orders")).toEqual(load);
  expect(changes).toEqual([{ load: "orders", breakers: [] }]);
  book.take(report({ load, breakers: [breaker] }));
  expect(changes[1]).toEqual({ breakers: ["payments"] });
  expect([...book.breakersTo("payments")]).toEqual([["n1/o1", [breaker]]]);
  book.take(report({ load }));
  expect(changes[2]).toEqual({ breakers: ["payments"] });
  expect([...book.breakersTo("payments")]).toEqual([]);
  await clock.advance(reportAge.forgetAfter);
  expect(book.loadOf("n1/o1", "orders")).toBeUndefined();
});

test("what was said under an instance's key for another service says nothing of the instance", () => {
  const { book } = setUp();
  book.take(report({ load: slow, service: "web" }));
  expect([book.loadOf("n1/o1", "orders"), book.loadOf("n1/o1", "web")]).toEqual([undefined, slow]);
  book.take(report({ load }));
  expect([book.loadOf("n1/o1", "orders"), book.loadOf("n1/o1", "web")]).toEqual([load, undefined]);
});

test("an agent that is silent contributes no breaker any more, and its load for longer", async () => {
  const { book, clock } = setUp();
  book.take(report({ load, breakers: [breaker] }));
  await clock.advance(reportAge.silentAfter + 1);
  expect([...book.breakersTo("payments")]).toEqual([]);
  expect(book.loadOf("n1/o1", "orders")).toEqual(load);
});

test("another control plane gets what changed since it last asked, in portions, and knows the same then", () => {
  const { book, clock } = setUp();
  const other = createFigureBook(clock, () => undefined);
  for (let i = 0; i < 20; i++) book.take(report({ load: { ...load, latency: i } }, `o${i}`));
  let place = 0;
  let portions = 0;
  for (let more = true; more && portions < 50; portions++) {
    const answer = book.after(place, 500);
    other.merge(answer.rows);
    place = answer.upTo;
    more = answer.more;
  }
  expect(portions).toBeGreaterThan(3);
  expect(other.loads()).toEqual(book.loads());
  book.take(report({ load: slow }, "o3"));
  expect(book.after(place, everything).rows).toMatchObject([{ id: "o3", load: slow }]);
});

test("of two rows the later one holds, whichever way it came and whichever control plane's clock is ahead", () => {
  const behind = setUp();
  const ahead = setUp(behind.clock.now() + 60_000);
  ahead.book.take(report({ load }));
  behind.book.merge(ahead.book.after(0, everything).rows);
  // The agent moves to the one whose clock is behind, and says something new there.
  behind.book.take(report({ load: slow }));
  behind.book.merge(ahead.book.after(0, everything).rows);
  expect(behind.book.loadOf("n1/o1", "orders")).toEqual(slow);
  ahead.book.merge(behind.book.after(0, everything).rows);
  expect(ahead.book.loadOf("n1/o1", "orders")).toEqual(slow);
});

test("that an agent lives is passed on though it says nothing new, and an old row is as old elsewhere", async () => {
  const { book, clock } = setUp();
  book.take(report({ load }));
  const { upTo } = book.after(0, everything);
  await clock.advance(refreshAfter - 1);
  book.take(report({ load }));
  expect(book.after(upTo, everything).rows).toEqual([]);
  await clock.advance(1);
  book.take(report({ load }));
  expect(book.after(upTo, everything).rows).toHaveLength(1);
  await clock.advance(5_000);
  expect(book.after(upTo, everything).rows).toMatchObject([{ age: 5_000 }]);
  const rows: FigureRow[] = [{ node: "n1", id: "w1", service: "web", stamp: 1, age: reportAge.silentAfter + 1, breakers: [breaker] }];
  book.merge(rows);
  expect([...book.breakersTo("payments")]).toEqual([]);
});
