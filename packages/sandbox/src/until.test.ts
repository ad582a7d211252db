import type { Clock } from "@legation/runtime";
import { describe, expect, it } from "vitest";
import { until } from "./until.js";

/** A clock on which sleeping takes no time but moves the hands. */
function fastClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => {
      now += ms;
    },
    timeout: () => ({ cancel: () => undefined }),
  };
}

describe("until", () => {
  it("resolves with the first value that is there", async () => {
    let looks = 0;
    const value = await until(() => (++looks === 3 ? "third" : undefined), { what: "a value", limitMs: 1_000, clock: fastClock() });
    expect(value).toBe("third");
  });

  it("takes 0 and an empty text for values", async () => {
    expect(await until(() => 0, { what: "zero", limitMs: 0, clock: fastClock() })).toBe(0);
  });

  it("says what was awaited and last seen when the limit is reached", async () => {
    const waiting = until(
      (note) => {
        note({ endpoints: 2 });
        return false;
      },
      { what: "three endpoints", limitMs: 1_500, clock: fastClock() },
    );
    await expect(waiting).rejects.toThrow('waited 1.5 s for three endpoints; last seen: {"endpoints":2}');
  });

  it("takes an error for not yet, and tells the last one", async () => {
    let looks = 0;
    const waiting = until(
      () => {
        throw new Error(`refused ${++looks}`);
      },
      { what: "an answer", limitMs: 100, everyMs: 50, clock: fastClock() },
    );
    await expect(waiting).rejects.toThrow("waited 0.1 s for an answer; last seen: refused 3");
  });

  it("ends at once when its signal is aborted", async () => {
    const waiting = until(() => false, { what: "nothing", limitMs: 60_000, signal: AbortSignal.abort(new Error("stopped")) });
    await expect(waiting).rejects.toThrow("stopped");
  });
});
