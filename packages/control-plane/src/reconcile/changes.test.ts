import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { changesKept, createChanges } from "./changes.js";

test("the newest changes are kept, numbered without a gap, whatever came before", async () => {
  const clock = createTestClock();
  const changes = createChanges(clock);
  const total = 3 * changesKept + 7;
  for (let i = 0; i < total; i++) changes.add({ event: "service-changed", service: `s${i}` });
  await clock.advance(5);
  changes.add({ event: "registry-lost" });
  const list = changes.list();
  expect(list).toHaveLength(changesKept);
  expect(list.at(-1)).toEqual({ sequence: total + 1, at: clock.now(), event: "registry-lost" });
  expect(list.every((change, i) => i === 0 || change.sequence === (list[i - 1]?.sequence ?? 0) + 1)).toBe(true);
});
