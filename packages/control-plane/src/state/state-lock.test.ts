import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { afterEach, expect, test } from "vitest";
import { lockStateDir } from "./state-lock.js";

const log = createLogger({ name: "test", level: "silent" });
const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
});

async function directory(lock?: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "legation-lock-"));
  dirs.push(dir);
  if (lock !== undefined) await writeFile(join(dir, "lock"), lock);
  return dir;
}

test("a second control plane is refused with the process that has the directory, and let in when that one is gone", async () => {
  const dir = await directory();
  const unlock = await lockStateDir(dir, log);
  await expect(lockStateDir(dir, log)).rejects.toMatchObject({
    code: "state-dir.in-use",
    message: expect.stringMatching(new RegExp(`process ${process.pid}.*--state-dir`)),
  });
  await unlock();
  await (await lockStateDir(dir, log))();
});

test.each([
  ["a process that is gone", JSON.stringify({ pid: 2 ** 22 + 1, start: "1" })],
  ["an earlier process with this one's number", JSON.stringify({ pid: process.pid, start: "1" })],
  ["a full disk", ""],
  ["nobody knows what", "null"],
])("what %s left is taken over", async (_what, lock) => {
  const dir = await directory(lock);
  await lockStateDir(dir, log);
  expect(JSON.parse(await readFile(join(dir, "lock"), "utf8"))).toMatchObject({ pid: process.pid });
});

test("a directory that takes no lock is used without one", async () => {
  const dir = await directory();
  await rm(dir, { recursive: true });
  await (await lockStateDir(dir, log))();
  dirs.length = 0;
});
