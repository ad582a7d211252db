import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock } from "@legation/runtime/testing";
import { afterAll, expect, it } from "vitest";
import { createFollower } from "./follow-file.js";

const dir = mkdtempSync(join(tmpdir(), "legation-follow-"));
afterAll(() => rmSync(dir, { recursive: true }));

it("hands on each line once, whole, from where the file ended, also after it was emptied", async () => {
  const clock = createTestClock();
  const lines: string[] = [];
  const follower = createFollower((name, line) => lines.push(`${name} ${line}`), clock);
  const path = join(dir, "a.log");
  writeFileSync(path, "before\n");
  follower.follow("a", path);
  follower.follow("b", join(dir, "absent.log"));
  appendFileSync(path, "one\ntw");
  await clock.advance(100);
  expect(lines).toEqual(["a one"]);
  appendFileSync(path, Buffer.from("o é\nthree"));
  await clock.advance(100);
  expect(lines).toEqual(["a one", "a two é"]);
  writeFileSync(path, "x\n");
  await clock.advance(100);
  expect(lines.at(-1)).toBe("a x");
  appendFileSync(path, "last\n");
  follower.stop();
  expect(lines.at(-1)).toBe("a last");
});
