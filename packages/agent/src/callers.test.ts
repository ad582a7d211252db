import type { RoutingReply } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { createCallers } from "./callers.js";
import type { Instance } from "./instance.js";
import { configOf } from "./testing/definition.js";

const reply: RoutingReply = { accepted: true, subscribers: 2, laggards: [], replicas: 1, silent: [], replica: "r1" };

/** An instance that serves when `supervisor.state.phase` says so; each question to the control plane is answered by hand. */
function scene() {
  const clock = createTestClock();
  const supervisor = { alive: true, state: { phase: "starting" } };
  const questions: { direction: string; signal: AbortSignal; answer: (reply: RoutingReply) => void; fail: (error: Error) => void }[] = [];
  const route = (direction: string, _limitMs: number, signal: AbortSignal) =>
    new Promise<RoutingReply>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      questions.push({ direction, signal, answer: resolve, fail: reject });
    });
  const { envoy, ...values } = configOf().values;
  const config = { ...configOf(), values: { ...values, envoy: { ...envoy, enabled: false } } };
  const instance = {
    ...{ config, clock, supervisor, channel: { route }, health: { level: "HEALTHY" } },
    registrar: { state: { registered: true, compared: true, published: true } },
    log: createLogger({ name: "test", level: "silent" }),
  } as unknown as Instance;
  const callers = createCallers(instance, () => {});
  const become = async (phase: string) => {
    supervisor.state.phase = phase;
    callers.look();
    await clock.advance(0);
  };
  return { clock, callers, questions, become };
}

describe("whether the callers have an instance", () => {
  it("is asked when it comes into service, and known when they have acknowledged", async () => {
    const { clock, callers, questions, become } = scene();
    expect(callers.state.phase).toBe("out");
    await become("running");
    callers.look();
    expect(callers.state.phase).toBe("asking");
    const known = callers.known(new AbortController().signal);
    expect(questions.map(({ direction }) => direction)).toEqual(["arriving"]);
    questions[0]?.answer(reply);
    await clock.advance(0);
    expect(await known).toEqual({ phase: "known", outcome: "all 2 subscribed proxies of 1 control plane acknowledged" });
  });

  it("is not waited for when the instance goes out of service, and asked anew when it comes back", async () => {
    const { clock, callers, questions, become } = scene();
    await become("running");
    await become("draining");
    expect([callers.state.phase, questions[0]?.signal.aborted]).toEqual(["out", true]);
    await become("running");
    expect(questions).toHaveLength(2);
    questions[1]?.answer(reply);
    await clock.advance(0);
    expect(callers.state.phase).toBe("known");
  });

  it("counts as known after a stated time where no control plane answers", async () => {
    const { clock, callers, questions, become } = scene();
    await become("running");
    for (let i = 0; i < 10; i++) {
      questions.at(-1)?.fail(new Error("refused the connection"));
      await clock.advance(200);
    }
    expect(callers.state).toEqual({ phase: "known", outcome: "no control plane answers (refused the connection): waited 1000 ms" });
  });

  it("is not waited for longer than the one who asks wants", async () => {
    const { callers, become } = scene();
    await become("running");
    const limit = new AbortController();
    const known = callers.known(limit.signal);
    limit.abort(new Error("too late"));
    await expect(known).rejects.toThrow("too late");
    callers.stop();
  });
});
