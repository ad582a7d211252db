import { leavingLimit } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import type { Instance } from "./instance.js";
import { createSteps } from "./leave/step.js";
import type { KeptState } from "./state-dir.js";
import { createSupervisor } from "./supervisor/supervisor.js";
import { configOf } from "./testing/definition.js";
import { createTraffic } from "./traffic.js";

/** A running instance whose process is only thought of: each start and end of it is told to the supervisor by hand. */
function scene() {
  const clock = createTestClock();
  const log = createLogger({ name: "test", level: "silent" });
  const config = configOf();
  const policy = { attempts: 3, base: 100, resetAfter: 1_000, autoRecovery: true, owned: true };
  const calls: string[] = [];
  const fault: { consul?: Error; hold?: Promise<void>; inFlight?: number; phase?: "starting" } = {};
  let kept: KeptState = {};
  const supervisor = createSupervisor({
    policy,
    stopSignal: "SIGTERM",
    stopTimeout: 1_000,
    kept: {},
    clock,
    log,
    onStarted: () => {},
    onChange: (_state, transition) => {
      if (transition?.to === "draining") traffic.healthyAgain();
    },
  });
  const instance = {
    config,
    clock,
    log,
    supervisor,
    stateDir: {
      get kept() {
        return kept;
      },
      keep: (patch: KeptState) => {
        kept = { ...kept, ...patch };
      },
    },
    health: { level: "HEALTHY" },
    registrar: {
      state: { registered: true, compared: true, published: true },
      drain: async (on: boolean) => {
        calls.push(`maintenance ${on}`);
        if (!on) await fault.hold;
        if (fault.consul) throw fault.consul;
      },
      maintain: (reason: string | undefined) => calls.push(`operator ${reason}`),
    },
    envoy: {
      runner: {
        get state() {
          return { phase: fault.phase ?? "live" };
        },
        restart: async () => {
          calls.push("fresh Envoy");
        },
      },
      admin: {
        inFlight: async () => fault.inFlight ?? 0,
        drainInbound: async () => {
          calls.push("drain Envoy");
        },
      },
    },
    channel: undefined,
    steps: createSteps(clock, log),
  } as unknown as Instance;
  const traffic = createTraffic(instance, policy, new AbortController().signal);
  supervisor.dispatch({ kind: "adopt", cause: "test" });
  /** The process ends and comes back healthy. */
  const comesBack = async (): Promise<void> => {
    supervisor.dispatch({ kind: "exit", cause: "ended" });
    supervisor.dispatch({ kind: "healthy", cause: "passes" });
    await clock.advance(0);
  };
  return { clock, supervisor, instance, traffic, calls, fault, comesBack };
}

describe("taking an instance out of traffic and putting it back", () => {
  it("drains for a restart and puts the instance back when it is healthy", async () => {
    const { clock, supervisor, traffic, calls, comesBack } = scene();
    traffic.restart("asked", false);
    await clock.advance(2_000);
    expect(calls).toEqual(["maintenance true", "drain Envoy", "fresh Envoy"]);
    await comesBack();
    expect(supervisor.state.phase).toBe("running");
    expect(calls.at(-1)).toBe("maintenance false");
  });

  it("puts the instance back also when a second restart is asked for during the first", async () => {
    const { clock, supervisor, traffic, comesBack } = scene();
    traffic.restart("asked", false);
    await clock.advance(2_000);
    expect(supervisor.state.phase).toBe("stopping");
    traffic.restart("asked again", false);
    await clock.advance(2_000);
    await comesBack();
    expect(supervisor.state.phase).toBe("running");
  });

  it("ends the process only when the drain is over, however often the restart is asked for", async () => {
    const { clock, supervisor, traffic, comesBack } = scene();
    traffic.restart("asked", false);
    await clock.advance(500);
    traffic.restart("asked again", false);
    await clock.advance(400);
    expect(supervisor.state.phase).toBe("draining");
    await clock.advance(2_000);
    expect(supervisor.state.phase).toBe("stopping");
    await comesBack();
    expect(supervisor.state.phase).toBe("running");
    expect(supervisor.state.restarts).toBe(1);
  });

  it("leaves an instance drained that an operator has drained, whatever is restarted meanwhile", async () => {
    const { clock, supervisor, traffic, comesBack } = scene();
    traffic.restart("asked", false);
    await clock.advance(2_000);
    void traffic.drain("by an operator");
    await clock.advance(2_000);
    await comesBack();
    expect(supervisor.state.phase).toBe("draining");
  });

  it("puts the instance back although Consul cannot be told at the moment", async () => {
    const { clock, supervisor, traffic, fault } = scene();
    void traffic.drain("by an operator");
    await clock.advance(2_000);
    fault.consul = new Error("Consul does not answer");
    await traffic.undrain("by an operator");
    expect(supervisor.state).toMatchObject({ phase: "running", drained: false });
  });

  it("ends a drain under way before it puts the instance back, so that Envoy is not drained afterwards", async () => {
    const { clock, traffic, calls } = scene();
    void traffic.drain("by an operator");
    await clock.advance(500);
    const back = traffic.undrain("by an operator");
    await clock.advance(0);
    await back;
    await clock.advance(5_000);
    expect(calls).toEqual(["maintenance true", "drain Envoy", "fresh Envoy", "maintenance false"]);
  });

  it("lets the requests end of a drained Envoy that was adopted a moment ago, before it is replaced", async () => {
    const { clock, instance, traffic, calls, fault } = scene();
    instance.stateDir.keep({ envoyDrained: true });
    fault.phase = "starting";
    fault.inFlight = 1;
    const fresh = traffic.freshEnvoy();
    await clock.advance(2_000);
    expect(calls).toEqual([]);
    fault.inFlight = 0;
    await clock.advance(100);
    await fresh;
    expect(calls).toEqual(["fresh Envoy"]);
  });

  it("lets the requests end that a drained Envoy still answers before it is replaced", async () => {
    const { clock, traffic, calls, fault } = scene();
    void traffic.drain("by an operator");
    fault.inFlight = 1;
    await clock.advance(2_000);
    const back = traffic.undrain("by an operator");
    await clock.advance(2_000);
    expect(calls).not.toContain("fresh Envoy");
    fault.inFlight = 0;
    await clock.advance(100);
    await back;
    expect(calls).toEqual(["maintenance true", "drain Envoy", "fresh Envoy", "maintenance false"]);
  });

  it("drains once, however often that is asked for, and says so", async () => {
    const { clock, traffic, calls } = scene();
    const both = [traffic.drain("one"), traffic.drain("two")];
    await clock.advance(2_000);
    const [one, two] = await Promise.all(both);
    expect([one?.already, two?.already]).toEqual([false, false]);
    expect(await traffic.drain("three")).toEqual({ steps: one?.steps, already: true });
    expect(calls).toEqual(["maintenance true", "drain Envoy"]);
  });

  it("calls a restart off whose drain is undrained", async () => {
    const { clock, supervisor, traffic } = scene();
    const answer = traffic.restart("asked", false);
    await clock.advance(500);
    const back = traffic.undrain("by an operator");
    await clock.advance(100);
    await back;
    if ("problem" in answer) throw new Error(answer.problem);
    await expect(answer.done).rejects.toThrow("put back into service before it was restarted");
    expect(supervisor.state).toMatchObject({ phase: "running", restarts: 0 });
  });

  it("restarts after a drain under way, and stays drained where an operator wants that", async () => {
    const { clock, supervisor, traffic, comesBack } = scene();
    void traffic.drain("by an operator");
    await clock.advance(500);
    const answer = traffic.restart("asked", false);
    await clock.advance(2_000);
    expect(supervisor.state.phase).toBe("stopping");
    await comesBack();
    await clock.advance(100);
    if ("problem" in answer) throw new Error(answer.problem);
    expect(await answer.done).toBe("restarted; it stays out of service until it is undrained");
    expect(supervisor.state.phase).toBe("draining");
  });

  it("goes on with a drain under way when the agent stops, and drains no second time", async () => {
    const { clock, supervisor, traffic, calls } = scene();
    void traffic.drain("by an operator");
    await clock.advance(500);
    supervisor.dispatch({ kind: "stop", cause: "SIGTERM" });
    const steps = traffic.leaveSteps();
    const left = traffic.leave(true);
    await clock.advance(2_000);
    await left;
    expect(calls).toEqual(["maintenance true", "drain Envoy"]);
    expect(steps.reports.map(({ step }) => step)).toEqual(["1", "2", "3", "4"]);
  });

  it("ends a drain under way at once when the service is gone at the stop", async () => {
    const { clock, supervisor, traffic } = scene();
    void traffic.drain("by an operator");
    await clock.advance(500);
    supervisor.dispatch({ kind: "stop", cause: "SIGTERM" });
    const left = traffic.leave(false);
    await clock.advance(0);
    await left;
    expect(clock.monotonic()).toBe(500);
  });

  it("keeps a service drained that is drained while it backs off", async () => {
    const { clock, supervisor, traffic } = scene();
    supervisor.dispatch({ kind: "exit", cause: "crashed" });
    expect(supervisor.state.phase).toBe("backing_off");
    const drained = traffic.drain("by an operator");
    await clock.advance(2_000);
    expect((await drained).already).toBe(false);
    supervisor.dispatch({ kind: "retry" });
    supervisor.dispatch({ kind: "healthy", cause: "passes" });
    await clock.advance(0);
    expect(supervisor.state).toMatchObject({ phase: "draining", drained: true });
  });

  it("refuses a restart when the attempts are used up", async () => {
    const { supervisor, traffic } = scene();
    for (let i = 0; i < 4; i++) {
      supervisor.dispatch({ kind: "exit", cause: "crashed" });
      supervisor.dispatch({ kind: "retry" });
    }
    expect(supervisor.state.phase).toBe("failed");
    expect(traffic.restart("asked", false)).toEqual({ problem: expect.stringContaining("use force") });
  });

  it("holds an operator's maintenance against undrain and restarts, until the operator ends it", async () => {
    const { clock, supervisor, traffic, calls, comesBack } = scene();
    const held = traffic.maintain("new disk");
    await clock.advance(2_000);
    expect((await held).already).toBe(false);
    await expect(traffic.undrain("by somebody")).rejects.toMatchObject({
      code: "traffic.maintenance",
      message: expect.stringContaining("new disk"),
    });
    traffic.restart("asked", false);
    await clock.advance(100);
    await comesBack();
    expect(supervisor.state.phase).toBe("draining");
    await traffic.endMaintenance("by the operator");
    expect(supervisor.state.phase).toBe("running");
    expect(calls.filter((call) => call.startsWith("operator"))).toEqual(["operator new disk", "operator undefined"]);
  });

  it("has the last word with a drain that is asked for while Consul is told of the undrain", async () => {
    const { clock, supervisor, traffic, calls, fault } = scene();
    void traffic.drain("one");
    await clock.advance(2_000);
    let answer: () => void = () => {};
    fault.hold = new Promise((resolve) => {
      answer = resolve;
    });
    const back = traffic.undrain("by an operator");
    await clock.advance(0);
    expect(calls.at(-1)).toBe("maintenance false");
    const drained = traffic.drain("two");
    await clock.advance(0);
    answer();
    await back;
    await clock.advance(2_000);
    expect((await drained).already).toBe(false);
    expect(supervisor.state).toMatchObject({ phase: "draining", drained: true });
    await traffic.close();
  });

  it("tells the control planes again for as long as the instance is out, and no longer", async () => {
    const { clock, instance, traffic } = scene();
    const told: string[] = [];
    const reply = { accepted: true, subscribers: 1, laggards: [], replicas: 1, silent: [], replica: "r" };
    instance.channel = {
      route: async (direction: string) => {
        told.push(direction);
        return reply;
      },
    } as never;
    void traffic.drain("by an operator");
    await clock.advance(leavingLimit + 1_000);
    expect(told).toEqual(["leaving", "out", "out", "out"]);
    await traffic.undrain("by an operator");
    await clock.advance(leavingLimit);
    expect(told.length).toBe(4);
    expect(clock.pending).toBe(0);
  });

  it("clears the mark of a maintenance that an earlier agent had ended and not yet taken away", async () => {
    const { clock, instance, traffic, calls } = scene();
    void traffic.maintain("new disk");
    await clock.advance(2_000);
    await traffic.endMaintenance("by the operator");
    expect(instance.stateDir.kept).toMatchObject({ maintenanceEnded: true });
    calls.length = 0;
    traffic.keepMaintenance();
    expect(calls).toEqual(["operator undefined"]);
    void traffic.maintain("another disk");
    expect(instance.stateDir.kept).toMatchObject({ maintenance: "another disk", maintenanceEnded: false });
    await clock.advance(2_000);
    await traffic.close();
  });
});
