import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followOutput } from "./output.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "legation-output-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function follow(maxBytes?: number) {
  const lines: string[] = [];
  const clock = createTestClock();
  const path = join(directory, "app.log");
  const options = { path, offsetPath: `${path}.offset`, onLine: (line: string) => lines.push(line), clock };
  return { lines, clock, path, follower: followOutput(maxBytes === undefined ? options : { ...options, maxBytes }) };
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

  it("cuts a line that never ends", async () => {
    const { lines, path, follower } = follow();
    appendFileSync(path, "x".repeat(200_000));
    follower.stop();
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.join("")).toHaveLength(200_000);
  });
});
