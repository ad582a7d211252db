import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../testing/until.js";
import { followOutput, type OutputOptions } from "./output.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "legation-output-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Without `watch`, as on a file system that does not tell of changes. */
function follow(maxBytes?: number, watch: OutputOptions["watch"] = () => undefined) {
  const lines: string[] = [];
  const dropped: number[] = [];
  const clock = createTestClock();
  const path = join(directory, "app.log");
  const options = {
    path,
    offsetPath: `${path}.offset`,
    onLine: (line: string) => lines.push(line),
    onDropped: (bytes: number) => dropped.push(bytes),
    clock,
    watch,
  };
  return { lines, dropped, clock, path, follower: followOutput(maxBytes === undefined ? options : { ...options, maxBytes }) };
}

describe("following a process's output", () => {
  it("hands on whole lines, also those that come in pieces", async () => {
    const { lines, clock, path, follower } = follow();
    appendFileSync(path, "one\ntw");
    await clock.advance(200);
    expect(lines).toEqual(["one"]);
    appendFileSync(path, "o\r\n\nthree ü");
    await clock.advance(200);
    expect(lines).toEqual(["one", "two"]);
    follower.stop();
    expect(lines).toEqual(["one", "two", "three ü"]);
  });

  it("goes on where the agent before it stopped, so that nothing is lost or told twice", async () => {
    const first = follow();
    appendFileSync(first.path, "one\n");
    await first.clock.advance(200);
    appendFileSync(first.path, "two\n");
    const second = follow();
    second.follower.stop();
    expect([...first.lines, ...second.lines]).toEqual(["one", "two"]);
    first.follower.stop();
  });

  it("empties a file that has grown too long once it has been read", async () => {
    const { lines, clock, path, follower } = follow(10);
    appendFileSync(path, "a line of some length\n");
    await clock.advance(200);
    expect(statSync(path).size).toBe(0);
    appendFileSync(path, "next\n");
    await clock.advance(200);
    expect(lines).toEqual(["a line of some length", "next"]);
    follower.stop();
  });

  it("empties a file that has grown too long in the middle of a line, and loses nothing of the line", async () => {
    const { lines, clock, path, follower } = follow(10);
    appendFileSync(path, "a whole line\nand ha");
    await clock.advance(200);
    expect(statSync(path).size).toBe(0);
    appendFileSync(path, "lf a line\n");
    await clock.advance(200);
    expect(lines).toEqual(["a whole line", "and half a line"]);
    follower.stop();
  });

  it("reads a bounded piece at a time, and throws away what a process writes faster than that", async () => {
    const { lines, dropped, clock, path, follower } = follow(1024 * 1024);
    appendFileSync(path, "0123456789abcde\n".repeat(3 * 64 * 1024));
    follower.read();
    expect(lines).toHaveLength(16 * 1024);
    expect(dropped).toEqual([(3 * 1024 - 256) * 1024]);
    expect(statSync(path).size).toBe(0);
    appendFileSync(path, "next\n");
    await clock.advance(200);
    expect(lines.at(-1)).toBe("next");
    follower.stop();
  });

  it("goes on when its offset cannot be written", async () => {
    const { lines, clock, path, follower } = follow();
    mkdirSync(`${path}.offset`);
    appendFileSync(path, "one\n");
    await clock.advance(200);
    appendFileSync(path, "two\n");
    await clock.advance(200);
    expect(lines).toEqual(["one", "two"]);
    follower.stop();
  });

  it("cuts a line that never ends", async () => {
    const { lines, path, follower } = follow();
    appendFileSync(path, "x".repeat(200_000));
    follower.stop();
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.join("")).toHaveLength(200_000);
  });

  it("looks seldom at a quiet file, and soon after the kernel has told of a change", async () => {
    let change: () => void = () => {};
    const { lines, clock, path, follower } = follow(undefined, (_path, onChange) => {
      change = onChange;
      return { cancel() {} };
    });
    appendFileSync(path, "untold\n");
    await clock.advance(4_000);
    expect(lines).toEqual([]);
    await clock.advance(1_000);
    expect(lines).toEqual(["untold"]);
    await clock.advance(1_000);
    appendFileSync(path, "told\n");
    change();
    change();
    await clock.advance(200);
    expect(lines).toEqual(["untold", "told"]);
    follower.stop();
    expect(clock.pending).toBe(0);
  });

  it("is told of changes by the kernel", async () => {
    const path = join(directory, "app.log");
    const lines: string[] = [];
    const follower = followOutput({
      path,
      offsetPath: `${path}.offset`,
      onLine: (line) => lines.push(line),
      onDropped: () => {},
      clock: { ...systemClock, timeout: (ms, fn) => systemClock.timeout(ms > 1_000 ? 3_600_000 : ms, fn) },
    });
    appendFileSync(path, "one\n");
    await until("the line", () => lines.includes("one"));
    follower.stop();
  });
});
