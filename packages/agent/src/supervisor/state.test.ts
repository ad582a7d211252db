import { describe, expect, it } from "vitest";
import { type Action, initialState, mayRestart, type RestartPolicy, reduce, type SupervisorEvent, type SupervisorState } from "./state.js";

const policy: RestartPolicy = { attempts: 3, base: 2_000, resetAfter: 300_000, autoRecovery: true, owned: true };

/** Plays events; a number lets so much time pass, and `jump` sets the machine's clock forward or back by so much. */
function play(events: readonly (SupervisorEvent | number | { readonly jump: number })[], over: Partial<RestartPolicy> = {}) {
  let now = 0;
  let jump = 0;
  let state: SupervisorState = initialState(now);
  const actions: Action[] = [];
  const path: string[] = [state.phase];
  for (const event of events) {
    if (typeof event === "number") {
      now += event;
      continue;
    }
    if ("jump" in event) {
      jump += event.jump;
      continue;
    }
    const step = reduce(state, event, { ...policy, ...over }, { now: now + jump, monotonic: now });
    state = step.state;
    actions.push(...step.actions);
    if (step.transition) path.push(step.transition.to);
  }
  return { state, actions, path };
}

const start: SupervisorEvent = { kind: "start", cause: "ready to start" };
const healthy: SupervisorEvent = { kind: "healthy", cause: "checks pass" };
const exit: SupervisorEvent = { kind: "exit", cause: "exited with code 1" };
const retry: SupervisorEvent = { kind: "retry" };
const unhealthy: SupervisorEvent = { kind: "unhealthy", cause: "GET /health answered 503" };
const stop: SupervisorEvent = { kind: "stop", cause: "SIGTERM" };

describe("the supervisor's state machine", () => {
  it("goes from pending over waiting and starting to running", () => {
    const { path, actions } = play([{ kind: "wait", reason: "payments has no healthy endpoint" }, start, healthy]);
    expect(path).toEqual(["pending", "waiting", "starting", "running"]);
    expect(actions).toEqual([{ kind: "start" }]);
  });

  it("restarts after 2, 4 and 8 seconds and is failed after the third attempt", () => {
    const { path, actions, state } = play([start, exit, retry, exit, retry, exit, retry, exit]);
    expect(actions.filter((a) => a.kind === "retry")).toEqual([2_000, 4_000, 8_000].map((afterMs) => ({ kind: "retry", afterMs })));
    expect(path.at(-1)).toBe("failed");
    expect(state).toMatchObject({ restarts: 3, attempts: 3, lastError: "exited with code 1" });
  });

  it("gives the attempts back after a long healthy run, and not after a short one", () => {
    expect(play([start, exit, retry, healthy, 299_999, exit]).state.attempts).toBe(2);
    expect(play([start, exit, retry, healthy, 300_000, exit]).state.attempts).toBe(1);
  });

  it("counts a healthy run by time that passed, whatever the machine's clock jumps", () => {
    const year = 365 * 86_400_000;
    expect(play([start, exit, retry, healthy, 1_000, { jump: year }, exit]).state.attempts).toBe(2);
    expect(play([start, exit, retry, healthy, { jump: -year }, 300_000, exit]).state.attempts).toBe(1);
  });

  it("ends the process on an unhealthy verdict and backs off when it has exited", () => {
    const { path, actions } = play([start, healthy, unhealthy, exit]);
    expect(path.slice(-2)).toEqual(["unhealthy", "backing_off"]);
    expect(actions.map((a) => a.kind)).toEqual(["start", "terminate", "retry"]);
  });

  it("only waits for recovery when auto recovery is off or the process is not its own", () => {
    for (const over of [{ autoRecovery: false }, { owned: false }]) {
      const { path, actions } = play([start, healthy, unhealthy, healthy], over);
      expect(path.slice(-2)).toEqual(["unhealthy", "running"]);
      expect(actions).toEqual([{ kind: "start" }]);
    }
  });

  it("refuses an unforced restart of a failed service and resets the attempts of a forced one", () => {
    const failed: (SupervisorEvent | number)[] = [start, exit, retry, exit, retry, exit, retry, exit];
    expect(mayRestart(play(failed).state, policy, false)).toContain("use force");
    expect(play([...failed, { kind: "restart", cause: "asked", force: false }]).state.phase).toBe("failed");
    const forced = play([...failed, { kind: "restart", cause: "asked", force: true }]).state;
    expect(forced).toMatchObject({ phase: "starting", attempts: 0, restarts: 4 });
  });

  it("stops and starts once for a manual restart, without using an attempt", () => {
    const { path, actions, state } = play([start, healthy, { kind: "restart", cause: "asked", force: false }, exit, healthy]);
    expect(path.slice(-4)).toEqual(["running", "stopping", "starting", "running"]);
    expect(actions.map((a) => a.kind)).toEqual(["start", "terminate", "start"]);
    expect(state).toMatchObject({ attempts: 0, restarts: 1, goal: "run" });
  });

  it("never starts again once it is stopping, whatever exits", () => {
    const { path, actions } = play([start, healthy, stop, exit, retry, { kind: "stopped", cause: "left" }]);
    expect(path.slice(-3)).toEqual(["draining", "stopping", "stopped"]);
    expect(actions).toEqual([{ kind: "start" }]);
  });

  it("goes straight to stopping when it never ran", () => {
    expect(play([stop]).path).toEqual(["pending", "stopping"]);
  });

  it("stays drained over a crash until it is undrained", () => {
    const drained: (SupervisorEvent | number)[] = [start, healthy, { kind: "drain", cause: "asked" }, exit, retry, healthy];
    expect(play(drained).state.phase).toBe("draining");
    expect(play([...drained, { kind: "undrain", cause: "asked" }]).state).toMatchObject({ phase: "running", drained: false });
  });

  it("keeps since and makes no transition when only the reason of waiting changes", () => {
    const first = reduce(initialState(0), { kind: "wait", reason: "a" }, policy, { now: 1, monotonic: 1 });
    const second = reduce(first.state, { kind: "wait", reason: "b" }, policy, { now: 5, monotonic: 5 });
    expect(second.transition).toBeUndefined();
    expect(second.state).toMatchObject({ reason: "b", since: 1 });
  });
});
