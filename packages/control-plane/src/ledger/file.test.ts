/** What of the ledger outlives the process, and that neither memory nor disk grows without bound. */
import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { changeTo } from "../testing/ledger.js";
import { createBook } from "./book.js";
import { createLedgerFile, ledgerFileDelay, readLedgerFile } from "./file.js";
import { OpenChange } from "./open-change.js";
import type { LedgerRecord } from "./record.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ledger-"));
});
afterEach(() => rm(directory, { recursive: true }));

const log = { warn: () => undefined, error: () => expect.unreachable("it could not be written") };

function record(mark: number, more: Partial<LedgerRecord> = {}): LedgerRecord {
  return { ...new OpenChange(changeTo("orders", String(mark)), mark, 0).record(true), ...more };
}

function writer(records: Map<string, LedgerRecord>, limit?: number) {
  const clock = createTestClock();
  const file = createLedgerFile({ stateDir: directory, record: (id) => records.get(id), clock, log, ...(limit ? { limit } : {}) });
  return { file, clock };
}

it("has each change as it was last, in the order in which they were seen", async () => {
  const records = new Map([2, 1].map((mark) => [`registry:orders:${mark}`, record(mark)]));
  const { file, clock } = writer(records);
  for (const id of records.keys()) file.changed(id);
  await clock.advance(ledgerFileDelay);
  records.set("registry:orders:1", record(1, { acknowledged: 3, note: "later" }));
  file.changed("registry:orders:1");
  await file.stop();
  const read = await readLedgerFile(directory, log);
  expect(read.map(({ id, acknowledged }) => [id, acknowledged])).toEqual([
    ["registry:orders:1", 3],
    ["registry:orders:2", 0],
  ]);
  expect(read[0]).toEqual(records.get("registry:orders:1"));
});

it("is read as far as it can be understood, and written on, after a kill in the middle of a line", async () => {
  const records = new Map([[`registry:orders:1`, record(1)]]);
  const first = writer(records).file;
  first.changed("registry:orders:1");
  await first.stop();
  await appendFile(join(directory, "ledger.jsonl"), '{"id":"registry:orders:2","ki');
  records.set("registry:orders:3", record(3));
  const second = writer(records).file;
  second.changed("registry:orders:3");
  await second.stop();
  expect((await readLedgerFile(directory, log)).map(({ id }) => id)).toEqual(["registry:orders:1", "registry:orders:3"]);
  await writeFile(join(directory, "ledger.jsonl"), "neither\nof\nthese");
  expect(await readLedgerFile(directory, log)).toEqual([]);
});

it("stays within two files of the limit, and keeps the newest", async () => {
  const records = new Map<string, LedgerRecord>();
  const limit = 4_000;
  const { file, clock } = writer(records, limit);
  for (let mark = 1; mark <= 100; mark++) {
    records.set(`registry:orders:${mark}`, record(mark));
    file.changed(`registry:orders:${mark}`);
    await clock.advance(ledgerFileDelay);
  }
  await file.stop();
  const names = (await readdir(directory)).sort();
  expect(names).toEqual(["ledger.jsonl", "ledger.old.jsonl"]);
  for (const name of names) expect((await stat(join(directory, name))).size).toBeLessThanOrEqual(limit + 1);
  const kept = (await readLedgerFile(directory, log)).map(({ seen }) => seen);
  expect(kept.at(-1)).toBe(100);
  expect(kept).toEqual(kept.map((_, i) => 100 - kept.length + 1 + i));
  expect(kept.length).toBeGreaterThan(5);
});

it("forgets the oldest first when there are too many, or when they take too much; what was under way is told", () => {
  const evicted: string[] = [];
  const book = createBook((open) => evicted.push(open.change.id), { changes: 3, bytes: 1_000_000 });
  expect(book.cutAt()).toBeUndefined();
  book.open(new OpenChange(changeTo("orders", "1"), 1, 0));
  for (const mark of [2, 3, 4, 5]) book.close(record(mark));
  expect([...book.newest(0)].map(({ seen }) => seen)).toEqual([5, 4, 3]);
  expect([evicted, book.size, book.cutAt()]).toEqual([["registry:orders:1"], 3, 3]);
  const small = createBook(() => undefined, { changes: 1_000, bytes: 2_000 });
  for (let mark = 1; mark <= 50; mark++) small.close(record(mark));
  expect(small.bytes).toBeLessThanOrEqual(2_000);
  expect(small.size).toBeGreaterThan(2);
  for (const { id } of [...small.newest(0)]) small.forget(id);
  expect([small.size, small.bytes]).toEqual([0, 0]);
});
