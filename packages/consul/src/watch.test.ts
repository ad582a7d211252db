import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, test } from "vitest";
import type { Answer, Consul, ReadOptions } from "./consul.js";
import { type Watcher, watch } from "./watch.js";

/** One step of a script: an answer with this index, or a failure; `blocks` holds it until the test lets it go. */
type Step = { index: number; data?: string; blocks?: boolean } | { error: Error; blocks?: boolean };

function scripted(steps: Step[], watcher: Partial<Watcher<string>> = {}) {
  const clock = createTestClock();
  const asked: ReadOptions[] = [];
  const seen: string[] = [];
  const held: (() => void)[] = [];
  const end = new AbortController();
  const consul: Pick<Consul, "get"> = {
    async get<T>(_path: string, options: ReadOptions = {}): Promise<Answer<T>> {
      asked.push(options);
      const step = steps.shift() ?? { index: 0, blocks: true };
      if (step.blocks)
        await new Promise<void>((resolve, reject) => {
          held.push(resolve);
          options.signal?.addEventListener("abort", () => reject(options.signal?.reason));
        });
      if ("error" in step) throw step.error;
      const data = (step.data ?? `at ${step.index}`) as T;
      return { data, index: step.index, knownLeader: true, lastContactMs: 0, filteredByAcl: false, bytes: 1 };
    },
  };
  let failures = 0;
  const forget = () => {
    failures = 0;
  };
  const running = watch<string>(
    consul,
    { path: "/x" },
    {
      onValue: (data) => {
        seen.push(data);
        if (data === "poison") throw new Error("no use");
      },
      onAnswer: () => void seen.push("."),
      onError: (error, retryInMs) => void seen.push(`${(error as Error).message} +${retryInMs}`),
      signal: end.signal,
      clock,
      backoff: { next: () => 100 * 2 ** failures++, reset: forget },
      random: () => 0.5,
      ...watcher,
    },
  );
  return {
    clock,
    asked,
    seen,
    end,
    restart: () => running.restart(),
    release: () => held.shift()?.(),
    indexes: () => asked.map((a) => a.index),
  };
}

describe("a watch", () => {
  test("asks once without blocking, then with the index of the last answer, and waits a little less than allowed", async () => {
    const { clock, seen, indexes, asked } = scripted([{ index: 7 }, { index: 9 }]);
    await clock.advance(0);
    expect(seen).toEqual([".", "at 7", ".", "at 9"]);
    expect(indexes()).toEqual([0, 7, 9]);
    expect(asked[1]?.waitMs).toBe(57_000);
  });

  test("an answer with the same index is no new value", async () => {
    const { clock, seen, indexes, release } = scripted([{ index: 7 }, { index: 7, blocks: true }]);
    await clock.advance(60_000);
    release();
    await clock.advance(0);
    expect(seen).toEqual([".", "at 7", "."]);
    expect(indexes()).toEqual([0, 7, 7]);
  });

  test("an index that goes back is delivered, and starts over with a query that does not block", async () => {
    const { clock, seen, indexes } = scripted([{ index: 700 }, { index: 12 }, { index: 12 }]);
    await clock.advance(0);
    expect(seen).toEqual([".", "at 700", ".", "at 12", "."]);
    expect(indexes()).toEqual([0, 700, 0, 12]);
  });

  test("an index of 0 is never sent back, so that the next query blocks", async () => {
    const { clock, indexes } = scripted([{ index: 0 }]);
    await clock.advance(500);
    expect(indexes()).toEqual([0, 1]);
  });

  test("where something takes the index away, each answer is delivered, a few in a second", async () => {
    const { clock, seen } = scripted(Array.from({ length: 1_000 }, (_, i) => ({ index: 0, data: `answer ${i}` })));
    await clock.advance(1_000);
    expect(seen.filter((word) => word !== ".")).toEqual(["answer 0", "answer 1", "answer 2"]);
  });

  test("something that ignores the index is not asked in a loop", async () => {
    const { clock, asked } = scripted(Array.from({ length: 1_000 }, () => ({ index: 7 })));
    await clock.advance(10_000);
    expect(asked.length).toBeLessThan(25);
  });

  test("a busy table is read at the given pace", async () => {
    const { clock, asked } = scripted(
      Array.from({ length: 1_000 }, (_, i) => ({ index: i + 1 })),
      { pace: () => 100 },
    );
    await clock.advance(1_000);
    expect(asked).toHaveLength(11);
  });

  test("failures wait longer each time, and the first answer after them is delivered whatever its index", async () => {
    const down = { error: new Error("down") };
    const { clock, seen, indexes } = scripted([{ index: 7 }, down, down, { index: 7 }, down]);
    await clock.advance(299);
    expect(indexes()).toEqual([0, 7, 0]);
    await clock.advance(1);
    expect(seen).toEqual([".", "at 7", "down +100", "down +200", ".", "at 7", "down +100"]);
    // It does not block on what the index was: a Consul that lost its data would keep silent until it has reached it again.
    expect(indexes()).toEqual([0, 7, 0, 0, 7]);
  });

  test("a value that its reader refuses is asked for again", async () => {
    const { clock, seen } = scripted([{ index: 7, data: "poison" }, { index: 7 }]);
    await clock.advance(100);
    expect(seen).toEqual([".", "poison", "no use +100", ".", "at 7"]);
  });

  test("ends at once when aborted, in a query and in a pause, and says nothing more", async () => {
    const blocked = scripted([{ index: 7 }, { index: 8, blocks: true }]);
    await blocked.clock.advance(0);
    blocked.end.abort();
    await blocked.clock.advance(100_000);
    expect(blocked.seen).toEqual([".", "at 7"]);

    const pausing = scripted([{ error: new Error("down") }, { index: 8 }]);
    await pausing.clock.advance(50);
    pausing.end.abort();
    await pausing.clock.advance(100_000);
    expect(pausing.seen).toEqual(["down +100"]);
    expect(pausing.clock.pending).toBe(0);
  });

  test("restarted, it asks at once without its index, from a query and from a pause, and delivers what it gets", async () => {
    const blocked = scripted([{ index: 700 }, { index: 701, blocks: true }, { index: 700 }]);
    await blocked.clock.advance(0);
    blocked.restart();
    await blocked.clock.advance(0);
    expect(blocked.indexes()).toEqual([0, 700, 0, 700]);
    expect(blocked.seen).toEqual([".", "at 700", ".", "at 700"]);

    const pausing = scripted([{ index: 700 }, { index: 12 }], { pace: () => 1_000 });
    await pausing.clock.advance(10);
    pausing.restart();
    await pausing.clock.advance(0);
    expect(pausing.indexes()).toEqual([0, 0]);
    expect(pausing.seen).toEqual([".", "at 700", ".", "at 12"]);
  });

  test("restarted while its value is being taken, it does not go back to the old index", async () => {
    let taken = () => {};
    const slow = scripted([{ index: 700 }, { index: 12 }], {
      onValue: () =>
        new Promise<void>((resolve) => {
          taken = resolve;
        }),
    });
    await slow.clock.advance(0);
    slow.restart();
    taken();
    await slow.clock.advance(0);
    expect(slow.indexes()).toEqual([0, 0]);
  });
});
