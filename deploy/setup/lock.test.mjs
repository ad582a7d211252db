import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { acquireLock } from "./lock.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "legation-lock-"));
  vi.spyOn(console, "log").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it("names its holder, and leaves nothing when it is given back", async () => {
  const release = await acquireLock(join(folder, "lock"));
  expect(readFileSync(join(folder, "lock"), "utf8")).toMatch(new RegExp(`^${process.pid}( |$)`));
  expect(readdirSync(folder)).toEqual(["lock"]);
  release();
  expect(readdirSync(folder)).toEqual([]);
});

it("is taken over from a process that is gone, also when its pid has come again", async () => {
  for (const gone of ["999999999 1", `${process.pid} 1`, ""]) {
    writeFileSync(join(folder, "lock"), gone);
    const release = await acquireLock(join(folder, "lock"));
    release();
    expect(readdirSync(folder)).toEqual([]);
  }
});

it("has one holder at a time, however many want it", async () => {
  let holders = 0;
  let most = 0;
  writeFileSync(join(folder, "lock"), "999999999 1");
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const release = await acquireLock(join(folder, "lock"));
      holders += 1;
      most = Math.max(most, holders);
      await new Promise((resolve) => setImmediate(resolve));
      holders -= 1;
      release();
    }),
  );
  expect(most).toBe(1);
  expect(console.log).toHaveBeenCalledWith(expect.stringContaining(`Another set-up is running (pid ${process.pid})`));
});
