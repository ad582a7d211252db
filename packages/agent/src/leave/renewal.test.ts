import { leavingLimit } from "@legation/contract";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { createRenewal } from "./renewal.js";

function scene() {
  const clock = createTestClock();
  const told: number[] = [];
  const state: { answer: Promise<never> | undefined; silent: boolean } = { answer: undefined, silent: false };
  const renewal = createRenewal(
    () =>
      state.silent
        ? undefined
        : async () => {
            told.push(clock.monotonic());
            return await (state.answer ?? Promise.reject(new Error("no control plane answers")));
          },
    clock,
  );
  return { clock, told, state, renewal };
}

describe("the renewal of a notice", () => {
  it("is told often enough, also while nobody answers, and never twice as often", async () => {
    const { clock, told, renewal } = scene();
    renewal.begin();
    renewal.begin();
    await clock.advance(leavingLimit * 2);
    expect(told.length).toBe(6);
    expect(Math.max(...told.map((at, index) => at - (told[index - 1] ?? 0)))).toBeLessThanOrEqual(leavingLimit / 3);
    await renewal.end();
    expect(clock.pending).toBe(0);
  });

  it("goes on when there was nobody to tell for a time", async () => {
    const { clock, told, state, renewal } = scene();
    state.silent = true;
    renewal.begin();
    await clock.advance(leavingLimit);
    expect(told).toEqual([]);
    state.silent = false;
    await clock.advance(leavingLimit / 3);
    expect(told.length).toBe(1);
    await renewal.end();
  });

  it("ends only when the notice under way has ended, and can begin anew", async () => {
    const { clock, told, state, renewal } = scene();
    let fail: (error: Error) => void = () => {};
    state.answer = new Promise((_resolve, reject) => {
      fail = reject;
    });
    renewal.begin();
    await clock.advance(leavingLimit / 3);
    let ended = false;
    const end = renewal.end().then(() => {
      ended = true;
    });
    await clock.advance(leavingLimit);
    expect([told.length, ended]).toEqual([1, false]);
    fail(new Error("aborted"));
    await end;
    renewal.begin();
    await clock.advance(leavingLimit / 3);
    expect(told.length).toBe(2);
    await renewal.end();
  });
});
