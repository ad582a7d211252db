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
  const fault: { consul?: Error } = {};
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
        if (fault.consul) throw fault.consul;
      },
    },
    envoy: {
      runner: {
        state: { phase: "live" },
        restart: async () => {
          calls.push("fresh Envoy");
        },
      },
      admin: {
        inFlight: async () => 0,
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
  return { clock, supervisor, traffic, calls, fault, comesBack };
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
});
