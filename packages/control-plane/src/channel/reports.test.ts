import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { agentReport } from "../testing/agent-report.js";
import { createReports, reportAge, reportsKept } from "./reports.js";

const report = (id: string) => agentReport({ id });

test("the last report of an instance is kept, first as heard, then as silent, then not at all", async () => {
  const clock = createTestClock();
  const reports = createReports(clock);
  reports.add(report("o1"));
  reports.add({ ...report("o1"), state: "draining" });
  expect(reports.of("n1/o1")).toMatchObject({ report: { state: "draining" }, receivedAt: clock.now(), silent: false });
  await clock.advance(reportAge.silentAfter + 1);
  expect(reports.of("n1/o1")?.silent).toBe(true);
  await clock.advance(reportAge.forgetAfter);
  expect(reports.of("n1/o1")).toBeUndefined();
});

test("an agent is at work while it reports, and not that its service leaves", async () => {
  const clock = createTestClock();
  const reports = createReports(clock);
  expect(reports.atWork("n1/o1")).toBe(false);
  reports.add(report("o1"));
  expect(reports.atWork("n1/o1")).toBe(true);
  reports.add({ ...report("o1"), state: "draining" });
  expect(reports.atWork("n1/o1")).toBe(false);
  reports.add(report("o1"));
  await clock.advance(reportAge.silentAfter + 1);
  expect(reports.atWork("n1/o1")).toBe(false);
});

test("old reports leave the memory when others come", async () => {
  const clock = createTestClock();
  const reports = createReports(clock);
  for (const id of ["a", "b", "c"]) reports.add(report(id));
  await clock.advance(reportAge.forgetAfter);
  expect(reports.size).toBe(0);
  reports.add(report("d"));
  expect(reports.size).toBe(1);
});

test("invented instances cannot grow the memory beyond its bound", () => {
  const reports = createReports(createTestClock());
  for (let i = 0; i < reportsKept + 10; i++) reports.add(report(`i${i}`));
  expect(reports.size).toBe(reportsKept);
  expect(reports.of("n1/i9")).toBeUndefined();
  expect(reports.of(`n1/i${reportsKept}`)).toBeDefined();
});
