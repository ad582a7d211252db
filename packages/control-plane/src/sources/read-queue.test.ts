import { systemClock } from "@legation/runtime";
import { expect, it } from "vitest";
import { createReadQueue } from "./read-queue.js";

it("does not count a reading that is under way as one that will see a change: it may have been answered before", async () => {
  const answers: (() => void)[] = [];
  const idle = new Promise<void>((resolve) => {
    const queue = createReadQueue({
      read: () => new Promise((answered) => answers.push(answered)),
      onError: () => {},
      onIdle: () => answers.length === 2 && resolve(),
      clock: systemClock,
      concurrency: 4,
    });
    queue.resume();
    queue.want("orders", true);
    expect(queue.wants("orders")).toBe(false);
    queue.want("orders", false);
    expect(queue.wants("orders")).toBe(true);
    answers[0]?.();
    void Promise.resolve().then(async () => {
      while (answers.length < 2) await Promise.resolve();
      answers[1]?.();
    });
  });
  await idle;
  expect(answers).toHaveLength(2);
});
