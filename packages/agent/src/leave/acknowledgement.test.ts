import type { RoutingReply } from "@legation/contract";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { type AskProof, acknowledged } from "./acknowledgement.js";
import type { StepOutcome } from "./step.js";

const limits = { acknowledge: 10_000, wait: 1_000, settle: 250 };
const reply = (change: Partial<RoutingReply> = {}): RoutingReply => ({
  ...{ accepted: true, subscribers: 4, laggards: [], replicas: 2, silent: [], replica: "r1" },
  ...change,
});

function scene(ask: AskProof) {
  const clock = createTestClock();
  const hurry = new AbortController();
  const limitsAsked: number[] = [];
  const state: { outcome?: StepOutcome; at?: number } = {};
  const asked: AskProof = (limitMs, signal) => {
    limitsAsked.push(limitMs);
    return ask(limitMs, signal);
  };
  void acknowledged(asked, limits, clock, hurry.signal).then((outcome) => Object.assign(state, { outcome, at: clock.monotonic() }));
  return { clock, hurry, limitsAsked, state };
}

describe("the wait for the callers' proxies", () => {
  it("ends a quarter second after the last acknowledgement", async () => {
    const { clock, limitsAsked, state } = scene(async () => reply());
    await clock.advance(5_000);
    expect(state).toEqual({ outcome: "all 4 subscribed proxies of 2 control planes acknowledged", at: 250 });
    expect(limitsAsked).toEqual([10_000]);
  });

  it("says so when nobody calls the instance", async () => {
    const { clock, state } = scene(async () => reply({ subscribers: 0, replicas: 1 }));
    await clock.advance(250);
    expect(state.outcome).toBe("no proxy of 1 control plane calls it");
  });

  it("counts a single caller as one", async () => {
    const { clock, state } = scene(async () => reply({ subscribers: 1, replicas: 1 }));
    await clock.advance(250);
    expect(state.outcome).toBe("the only subscribed proxy of 1 control plane acknowledged");
  });

  it("names those who had not acknowledged at the limit, and the control planes that were silent", async () => {
    const laggards = ["a", "b", "c", "d", "e", "f"].map((name) => `n1/${name}`);
    const { clock, state } = scene(async () => reply({ subscribers: 8, laggards, silent: ["10.0.0.3:8080 refused the connection"] }));
    await clock.advance(250);
    expect(state.outcome).toEqual({
      outcome:
        "2 of 8 subscribed proxies of 2 control planes acknowledged; not acknowledged by n1/a, n1/b, n1/c, n1/d, n1/e and 1 more; no answer of the control plane 10.0.0.3:8080 refused the connection",
      laggards: [...laggards, "10.0.0.3:8080 refused the connection"],
    });
  });

  it("waits the stated time where no control plane answers", async () => {
    const { clock, state } = scene(() => Promise.reject(new Error("http://127.0.0.1:1 refused the connection")));
    await clock.advance(5_000);
    expect(state).toEqual({ outcome: "no control plane answers (http://127.0.0.1:1 refused the connection): waited 1000 ms", at: 1_000 });
  });

  it("takes the proof of a control plane that comes back within that time", async () => {
    let down = true;
    const { clock, limitsAsked, state } = scene(async () => {
      if (down) throw new Error("closed the connection");
      return reply();
    });
    await clock.advance(500);
    down = false;
    await clock.advance(2_000);
    expect(state).toEqual({ outcome: "all 4 subscribed proxies of 2 control planes acknowledged", at: 850 });
    expect(limitsAsked).toEqual([10_000, 9_800, 9_600, 9_400]);
  });

  it("waits the stated time too where the control plane does not have the instance", async () => {
    const { clock, state } = scene(async () => reply({ accepted: false }));
    await clock.advance(5_000);
    expect(state).toEqual({ outcome: "the control plane does not have the instance: waited 1000 ms", at: 1_000 });
  });

  it("waits for nothing once it is hurried", async () => {
    const { clock, hurry, state } = scene(
      (_limitMs, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("was given up")))),
    );
    await clock.advance(100);
    hurry.abort();
    await clock.advance(0);
    expect(state).toEqual({ outcome: "hurried", at: 100 });
  });
});
