import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FigureRow } from "../figures/book.js";
import { createFiguresFile, figuresFileDelay, readFigures } from "./figures-file.js";

const log = createLogger({ name: "t", level: "silent", destination: { write: () => undefined } });
const row: FigureRow = {
  node: "n1",
  id: "o1",
  service: "orders",
  stamp: 5,
  age: 900,
  load: { latency: 9, errors: 1, idle: 0 },
  breakers: [],
};

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "legation-figures-"));
});
afterEach(() => rm(dir, { recursive: true }));

test("what is written behind the changes is read at the next start, as if heard just now", async () => {
  const clock = createTestClock();
  const file = createFiguresFile(dir, () => [row], { clock, log });
  expect(await readFigures(dir, log)).toEqual([]);
  file.changed();
  await clock.advance(figuresFileDelay);
  await file.stop();
  expect(await readFigures(dir, log)).toEqual([{ ...row, age: 0 }]);
});

test("the end does not wait, and writes nothing where nothing has changed", async () => {
  const clock = createTestClock();
  const idle = createFiguresFile(dir, () => [row], { clock, log });
  await idle.stop();
  await expect(readFile(join(dir, "figures.json"))).rejects.toThrow("ENOENT");
  const busy = createFiguresFile(dir, () => [row], { clock, log });
  busy.changed();
  await busy.stop();
  expect(await readFigures(dir, log)).toHaveLength(1);
});

test("a damaged file is passed over", async () => {
  for (const text of ["{", "[]", '{"rows":[{}]}', JSON.stringify({ rows: [{ ...row, load: { latency: 99, errors: 0, idle: 0 } }] })]) {
    await writeFile(join(dir, "figures.json"), text);
    expect(await readFigures(dir, log), text).toEqual([]);
  }
});
