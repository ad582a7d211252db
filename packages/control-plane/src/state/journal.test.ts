import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createJournal, readJournal, waitingAtMost } from "./journal.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "legation-journal-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Appends so many values in one go; resolves to those that are read again, and to what was logged. */
async function appended(count: number) {
  const path = join(directory, "things.jsonl");
  const logged: { event: string; lost?: number }[] = [];
  const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
  const log = createLogger({ name: "t", level: "info", destination });
  const journal = createJournal({ path, what: "things", clock: createTestClock(), log });
  for (let n = 0; n < count; n++) journal.append({ n });
  await journal.stop();
  return { values: (await readJournal(path)) as readonly { n: number }[], logged };
}

test("thousands that come at once are all written", async () => {
  const { values, logged } = await appended(waitingAtMost);
  expect(values.map(({ n }) => n)).toEqual(Array.from({ length: waitingAtMost }, (_, n) => n));
  expect(logged).toEqual([]);
});

test("of more the newest are written, and the log says how many are not", async () => {
  const { values, logged } = await appended(2 * waitingAtMost);
  expect(values.at(-1)).toEqual({ n: 2 * waitingAtMost - 1 });
  expect(values.length).toBeLessThanOrEqual(waitingAtMost * 1.1 + 1);
  expect(logged).toMatchObject([{ event: "journal.dropped", lost: 2 * waitingAtMost - values.length }]);
});
