import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createJournal, journalLimits, readJournal } from "../state/journal.js";
import { type AuditRecord, createAudit, refusalsApart, refusalsGatheredMs } from "./audit.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "legation-audit-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const lines: { event: string; msg: string }[] = [];
const log = createLogger({ name: "t", level: "info", destination: { write: (line) => void lines.push(JSON.parse(line)) } });
const alice = { kind: "token", accessor: "a-1", name: "alice", address: "10.0.0.1" } as const;
const change: AuditRecord = {
  kind: "change",
  requestId: "req-1",
  caller: alice,
  action: "POST /api/services/:name/release",
  target: ['service "orders" { policy = "write" }'],
  outcome: "done",
  status: 202,
};
const refusal: AuditRecord = { ...change, kind: "refusal", outcome: "refused", status: 403, detail: { code: "access.denied" } };

describe("the audit", () => {
  test("is in the log, in the list, and there again after a restart, with numbers that go on", async () => {
    const clock = createTestClock();
    lines.length = 0;
    const first = await createAudit({ directory, clock, log });
    first.record(change);
    first.record(refusal);
    expect(lines.map(({ event }) => event)).toEqual(["audit.change", "audit.refusal"]);
    expect(lines[0]?.msg).toBe('token a-1 (alice): POST /api/services/:name/release (service "orders" { policy = "write" }) done');
    await first.stop();
    const second = await createAudit({ directory, clock, log });
    second.record(change);
    expect(second.list()).toMatchObject([
      { sequence: 1, ...change, at: "2024-01-01T00:00:00.000Z" },
      { sequence: 2, ...refusal },
      { sequence: 3, ...change },
    ]);
    await second.stop();
    expect((await stat(join(directory, "changes.jsonl"))).mode & 0o777).toBe(0o600);
  });

  test("counts equal refusals in one entry, also on disk", async () => {
    const clock = createTestClock();
    const audit = await createAudit({ directory, clock, log });
    for (let i = 0; i < 5; i++) audit.record(refusal);
    audit.record({ ...refusal, target: ["another"] });
    expect(audit.list().map(({ count }) => count)).toEqual([5, 1]);
    await clock.advance(refusalsGatheredMs);
    audit.record(refusal);
    await audit.stop();
    const again = await createAudit({ directory, clock, log });
    expect(again.list().map(({ sequence, count }) => [sequence, count])).toEqual([
      [1, 5],
      [2, 1],
      [3, 1],
    ]);
  });

  test("takes a flood of different refusals in few entries, and loses no change to it", async () => {
    const audit = await createAudit({ directory, clock: createTestClock(), log });
    audit.record(change);
    for (let i = 0; i < 10 * refusalsApart; i++) audit.record({ ...refusal, target: [`service "s${i}"`] });
    const { length } = audit.list();
    expect(length).toBeLessThanOrEqual(refusalsApart + 2);
    expect(audit.list().reduce((sum, { count }) => sum + count, 0)).toBe(10 * refusalsApart + 1);
    expect(audit.list()[0]).toMatchObject(change);
    await audit.stop();
  });
});

describe("the file of the audit", () => {
  test("is rotated at its size, and the oldest goes", async () => {
    const path = join(directory, "audit", "x.jsonl");
    const file = createJournal({ what: "audit", path, clock: createTestClock(), log });
    const text = "x".repeat(journalLimits.bytes / 2 - 100);
    const written = 2 * (journalLimits.older + 2);
    for (let n = 1; n <= written; n++) {
      file.append({ n, text });
      await file.stop();
    }
    expect((await readdir(join(directory, "audit"))).sort()).toEqual(["x.jsonl", "x.jsonl.1", "x.jsonl.2", "x.jsonl.3"]);
    const kept = (await readJournal(path)).map((value) => (value as { n: number }).n);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => written - kept.length + 1 + i));
    expect(kept.length).toBeGreaterThanOrEqual(2 * journalLimits.older);
  });

  test("that cannot be written harms nothing, and what waited is written when it can be again", async () => {
    const clock = createTestClock();
    lines.length = 0;
    const path = join(directory, "taken", "x.jsonl");
    await writeFile(join(directory, "taken"), "a file where the directory should be");
    const file = createJournal({ what: "audit", path, clock, log });
    for (let n = 0; n < 3; n++) file.append({ n });
    await file.stop();
    expect(lines.map(({ event }) => event)).toEqual(["journal.write-failed"]);
    await rm(join(directory, "taken"));
    await clock.advance(10_000);
    file.append({ n: 3 });
    await file.stop();
    expect(await readJournal(path)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]);
    expect(lines.map(({ event }) => event)).toEqual(["journal.write-failed", "journal.restored"]);
  });

  test("is read although a line was cut off", async () => {
    const path = join(directory, "x.jsonl");
    await writeFile(path, '{"n":1}\n{"n":2,"te\n{"n":3}\n');
    expect(await readJournal(path)).toEqual([{ n: 1 }, { n: 3 }]);
  });
});
