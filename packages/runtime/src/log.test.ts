import { expect, it } from "vitest";
import { LegationError } from "./errors.js";
import { createLogger } from "./log.js";

function capture(level?: string) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: createLogger({ name: "agent", destination, ...(level ? { level } : {}) }) };
}

it("writes one JSON line per event, with an RFC 3339 time and the level as a word", () => {
  const { lines, log } = capture();
  log.debug({ event: "too.much" }, "not at this level");
  log.warn({ event: "consul.watch-lost", retryMs: 250 }, "lost the watch");
  expect(lines).toEqual([
    {
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      pid: process.pid,
      name: "agent",
      event: "consul.watch-lost",
      retryMs: 250,
      msg: "lost the watch",
    },
  ]);
});

it("keeps code, cause and stack of an error", () => {
  const { lines, log } = capture("debug");
  const error = new LegationError("consul.unreachable", "no answer", { cause: new Error("refused") });
  log.error({ event: "x", error }, "failed");
  log.error({ event: "x", err: error }, "failed");
  const written = {
    type: "LegationError",
    code: "consul.unreachable",
    message: "no answer: refused",
    stack: expect.stringContaining("log.test"),
  };
  expect(lines[0]).toMatchObject({ error: written });
  expect(lines[1]).toMatchObject({ err: written });
});
