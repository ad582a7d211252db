import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { answeredInterval, createAnswered } from "./answered.js";

test("counts are those of the last look, and one that Envoy does not answer changes nothing", async () => {
  const clock = createTestClock();
  let answers: Promise<{ requests: number; failures: number }> | undefined;
  const answered = createAnswered({
    admin: () => (answers ? { answered: () => answers ?? Promise.reject(new Error("gone")) } : undefined),
    clock,
  });
  await clock.advance(answeredInterval);
  expect(answered.counts()).toBeUndefined();
  answers = Promise.resolve({ requests: 10, failures: 1 });
  await clock.advance(answeredInterval);
  expect(answered.counts()).toEqual({ requests: 10, failures: 1 });
  answers = Promise.reject(new Error("no answer"));
  answers.catch(() => undefined);
  await clock.advance(answeredInterval);
  expect(answered.counts()).toEqual({ requests: 10, failures: 1 });
  answers = Promise.resolve({ requests: 20, failures: 2 });
  answered.stop();
  await clock.advance(2 * answeredInterval);
  expect(answered.counts()).toEqual({ requests: 10, failures: 1 });
});
