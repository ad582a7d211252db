import type { RoutingReply } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { type DrainParts, drain } from "./drain.js";
import { exitCode, type LeaveParts, leave } from "./leave.js";
import { createSteps } from "./step.js";

const limits = { acknowledge: 10_000, wait: 1_000, settle: 250, outsiders: 0, limit: 30_000 };
const acknowledged: RoutingReply = { accepted: true, subscribers: 4, laggards: [], replicas: 1, silent: [], replica: "r1" };

function scene(over: Partial<LeaveParts & DrainParts> = {}, options: Partial<typeof limits> = {}) {
  const clock = createTestClock();
  const order: string[] = [];
  const done = (name: string) => async () => {
    order.push(`${name}@${clock.monotonic()}`);
  };
  const hurry = new AbortController();
  const steps = createSteps(clock, createLogger({ name: "test", level: "silent" }));
  const parts: LeaveParts & DrainParts = {
    drain: () => drain(parts, { ...limits, ...options }, steps, clock, hurry.signal),
    maintenance: done("maintenance"),
    proof: async () => {
      await done("notice")();
      return acknowledged;
    },
    envoy: { drainInbound: done("drain"), inFlight: async () => 0 },
    closeInbound: async () => {
      await done("close")();
      return "none is under way";
    },
    endService: async () => {
      await done("end")();
      return { exit: { code: 3 }, killed: false };
    },
    deregister: async () => {
      await done("deregister")();
      return "gone, verified";
    },
    stopEnvoy: done("envoy"),
    ...over,
  };
  const code = leave(parts, steps);
  return { clock, order, steps, hurry, code };
}

describe("the stop order", () => {
  it("takes the instance out of routing first, drains second, and stops Envoy last", async () => {
    const { clock, order, steps, code } = scene();
    await clock.advance(1_000);
    expect(await code).toBe(3);
    expect(order).toEqual(["notice@0", "maintenance@0", "drain@250", "close@250", "end@250", "deregister@250", "envoy@250"]);
    expect(steps.reports.map(({ step, ms }) => [step, ms])).toEqual([
      ["1", 0],
      ["2", 250],
      ["3", 0],
      ["4", 0],
      ["4b", 0],
      ["5", 0],
      ["6", 0],
      ["7", 0],
    ]);
    expect(steps.reports.slice(0, 2).map(({ outcome }) => outcome)).toEqual([
      "Consul accepted",
      "all 4 subscribed proxies of 1 control plane acknowledged",
    ]);
  });

  it("waits a second at most for those who do not answer, and goes on", async () => {
    const { clock, order, steps } = scene({ maintenance: () => new Promise(() => {}) });
    await clock.advance(1_000);
    expect(steps.reports[0]).toMatchObject({ step: "1", ms: 1_000, outcome: "Consul did not accept within 1000 ms" });
    await clock.advance(1_000);
    expect(order.at(-1)).toBe("envoy@1000");
  });

  it("names who refused and goes on", async () => {
    const { clock, steps, code } = scene({ maintenance: async () => Promise.reject(new Error("Consul does not answer")) });
    await clock.advance(1_000);
    await code;
    expect(steps.reports[0]?.outcome).toBe("Consul: Consul does not answer");
  });

  it("waits a stated time where there is no control plane to ask", async () => {
    const { clock, steps, code } = scene({ proof: undefined });
    await clock.advance(1_000);
    await code;
    expect(steps.reports[1]).toMatchObject({ step: "2", ms: 1_000, outcome: "waited 1000 ms" });
  });

  it("gives callers outside the mesh their time", async () => {
    const { clock, steps, code } = scene({}, { outsiders: 5_000 });
    await clock.advance(6_000);
    await code;
    expect(steps.reports.find(({ step }) => step === "2b")?.ms).toBe(5_000);
  });

  it("waits until nothing is under way, and no longer than the limit", async () => {
    let left = 3;
    const { clock, order, steps } = scene({ envoy: { drainInbound: async () => {}, inFlight: async () => left } });
    await clock.advance(11_000);
    expect(order.some((entry) => entry.startsWith("end"))).toBe(false);
    left = 0;
    await clock.advance(50);
    expect(steps.reports.find(({ step }) => step === "4")?.outcome).toBe("none is under way");

    const stuck = scene({ envoy: { drainInbound: async () => {}, inFlight: async () => 1 } });
    await stuck.clock.advance(1_000 + 30_000);
    await stuck.code;
    expect(stuck.steps.reports.find(({ step }) => step === "4")?.outcome).toBe("1 still under way after 30000 ms: they are cut off");
  });

  it("waits for nothing once it is hurried", async () => {
    const { clock, order, hurry, code } = scene({ envoy: { drainInbound: async () => {}, inFlight: async () => 1 } }, { outsiders: 5_000 });
    await clock.advance(100);
    hurry.abort();
    await clock.advance(0);
    await code;
    expect(order.at(-1)).toBe("envoy@100");
  });

  it("drains nothing where nobody was served", async () => {
    const { clock, order, code } = scene({ drain: async () => {} });
    await clock.advance(0);
    await code;
    expect(order).toEqual(["close@0", "end@0", "deregister@0", "envoy@0"]);
  });

  it("goes through all steps even when each of them fails", async () => {
    const fail = async () => Promise.reject(new Error("broken"));
    const { clock, steps, code } = scene({
      endService: fail,
      deregister: fail,
      stopEnvoy: fail,
      envoy: { drainInbound: fail, inFlight: fail },
    });
    await clock.advance(1_000);
    expect(await code).toBe(0);
    expect(steps.reports.filter(({ outcome }) => outcome === "broken").map(({ step }) => step)).toEqual(["3", "4", "5", "6", "7"]);
  });

  it("ends with the service's code, 0 for the SIGTERM that it was sent, and 137 when it had to be killed", () => {
    expect(exitCode({ code: 7 }, false)).toBe(7);
    expect(exitCode({ signal: "SIGTERM" }, false)).toBe(0);
    expect(exitCode({ signal: "SIGKILL" }, true)).toBe(137);
    expect(exitCode({}, false)).toBe(0);
  });
});
