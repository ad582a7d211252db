import { reportedCalls } from "@legation/contract";
import { expect, test } from "vitest";
import { callsOf } from "./calls.js";

test("undeclared callees come first, then those with the most calls", () => {
  const sent = new Map([
    ["orders", 90],
    ["db", 100],
    ["stray", 1],
  ]);
  expect(callsOf(sent, ["orders", "db"])).toEqual([
    { service: "stray", count: 1 },
    { service: "db", count: 100 },
    { service: "orders", count: 90 },
  ]);
});

test("a report names so many at most, and loses no undeclared one to declared ones", () => {
  const declared = Array.from({ length: 2 * reportedCalls }, (_, index) => `s${index}`);
  const rows = callsOf(new Map([...declared.map((name) => [name, 1_000] as const), ["stray", 1]]), declared);
  expect(rows).toHaveLength(reportedCalls);
  expect(rows[0]).toEqual({ service: "stray", count: 1 });
});
