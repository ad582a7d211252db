import { type AgentService, ConsulError, type Registration } from "@legation/consul";
import { drainingReason, maintenanceCheckId } from "@legation/contract";
import { createBackoff, createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { configOf } from "../testing/definition.js";
import type { ConsulAgent } from "./consul-agent.js";
import { farewellText } from "./deregister.js";
import { createRegistrar, type Registrar } from "./registrar.js";
import { registrationOf } from "./registration.js";

/** Consul as far as the registrar sees it, with a fault for every call while `down` says so. */
function scriptedConsul() {
  const services = new Map<string, Registration>();
  const checks = new Map<string, string>();
  const notes = new Map<string, string>();
  const calls: string[] = [];
  const fault: { now: ConsulError | undefined } = { now: undefined };
  const call = (name: string): void => {
    calls.push(name);
    if (fault.now) throw fault.now;
  };
  const consul: ConsulAgent = {
    nodeName: async () => "node",
    async service(id) {
      call("service");
      const found = services.get(id);
      return found && ({ ...found, Service: found.Name, Tags: found.Tags ?? null, Meta: found.Meta ?? null } as AgentService);
    },
    async checks() {
      call("checks");
      return [...checks].map(([id, status]) => ({ id, status: status as "passing", notes: notes.get(id) ?? "" }));
    },
    async register(registration) {
      call("register");
      services.set(registration.ID, registration);
      for (const { CheckID, Status } of registration.Checks ?? []) checks.set(CheckID, Status ?? "critical");
    },
    async deregister(id) {
      call("deregister");
      services.delete(id);
      checks.clear();
    },
    async updateCheck(id, status, output) {
      call(`update ${id} ${status} ${output}`);
      if (!checks.has(id)) return false;
      checks.set(id, status);
      return true;
    },
    async maintenance(id, enable, reason) {
      call(`maintenance ${enable}`);
      if (!services.has(id)) return false;
      const mark = maintenanceCheckId(id);
      if (enable) checks.set(mark, "critical");
      else checks.delete(mark);
      notes.set(mark, reason);
      return true;
    },
  };
  return { consul, services, checks, notes, calls, fault };
}

const httpId = "legation:orders-1:http";
const heartbeatId = "legation:orders-1:heartbeat";
const passing = { http: { status: "passing", output: "passes" } } as const;
const critical = { http: { status: "critical", output: "refused" } } as const;
const unreachable = new ConsulError("consul.unreachable", "Consul does not answer");

let clock: ReturnType<typeof createTestClock>;
let script: ReturnType<typeof scriptedConsul>;
let registrar: Registrar;
const make = (owner = "me@host"): Registrar =>
  createRegistrar({
    consul: script.consul,
    registration: (reports) => registrationOf(configOf().service, { owner, mesh: { host: "127.0.0.1", port: 20_000 } }, reports),
    heartbeat: 10_000,
    compare: 5_000,
    clock,
    backoff: createBackoff({ base: 500, max: 4_000, jitter: 0 }),
    log: createLogger({ name: "test", level: "silent" }),
  });

beforeEach(() => {
  clock = createTestClock();
  script = scriptedConsul();
  registrar = make();
  registrar.advertise(passing);
});

async function arrived(): Promise<void> {
  registrar.begin();
  registrar.arrive();
  await clock.advance(1);
}

describe("the registrar", () => {
  it("registers nothing before the service has arrived", async () => {
    registrar.begin();
    await clock.advance(30_000);
    expect(script.calls.filter((name) => name !== "service")).toEqual([]);
  });

  it("registers with the health check critical and flips it to passing", async () => {
    await arrived();
    expect(script.services.get("orders-1")?.Checks?.map(({ Status }) => Status)).toEqual(["passing", "critical"]);
    expect(script.checks.get(httpId)).toBe("passing");
    expect(registrar.state).toMatchObject({ registered: true, published: true });
  });

  it("keeps every check alive once a heartbeat and sends nothing else while nothing changes", async () => {
    await arrived();
    script.calls.length = 0;
    await clock.advance(30_000);
    expect(script.calls.filter((name) => name.startsWith(`update ${heartbeatId}`))).toHaveLength(3);
    expect(script.calls.filter((name) => name.startsWith(`update ${httpId}`))).toHaveLength(3);
    expect(script.calls).not.toContain("register");
  });

  it("sends a changed status at once, and a changed output only together with a status", async () => {
    await arrived();
    registrar.advertise({ http: { status: "passing", output: "passes in 7 ms" } });
    await clock.advance(10_000);
    expect(script.calls.some((name) => name.includes("7 ms"))).toBe(false);
    registrar.advertise(critical);
    await clock.advance(0);
    expect(script.checks.get(httpId)).toBe("critical");
    expect(script.calls).toContain(`update ${httpId} critical refused`);
  });

  it("registers again, with the present statuses, when Consul does not know a check", async () => {
    await arrived();
    script.services.clear();
    script.checks.clear();
    registrar.advertise({ http: { status: "warning", output: "slow" } });
    await clock.advance(0);
    expect(script.services.get("orders-1")?.Checks?.map(({ Status }) => Status)).toEqual(["passing", "warning"]);
  });

  it("notices a lost registration by comparing, without waiting for a heartbeat", async () => {
    await arrived();
    script.services.clear();
    await clock.advance(5_000);
    expect(script.services.has("orders-1")).toBe(true);
  });

  it("tries again with growing waits while Consul is down, and tells the state of that moment when it is back", async () => {
    await arrived();
    script.fault.now = unreachable;
    await clock.advance(5_000);
    script.calls.length = 0;
    expect(registrar.state.problem).toBe("Consul does not answer");
    await clock.advance(500 + 1_000 + 2_000);
    expect(script.calls).toHaveLength(3);
    registrar.advertise(critical);
    script.fault.now = undefined;
    await clock.advance(10_000);
    expect(script.checks.get(httpId)).toBe("critical");
    expect(registrar.state.problem).toBeUndefined();
  });

  it("takes over what an agent before it left, critical at once, and out of our maintenance", async () => {
    await arrived();
    await registrar.drain(true);
    registrar.stop();
    registrar = make();
    registrar.advertise(critical);
    registrar.begin();
    await clock.advance(1);
    expect(script.checks.get(httpId)).toBe("critical");
    expect(script.checks.has(maintenanceCheckId("orders-1"))).toBe(false);
  });

  it("leaves an operator's maintenance alone", async () => {
    await arrived();
    script.checks.set(maintenanceCheckId("orders-1"), "critical");
    script.notes.set(maintenanceCheckId("orders-1"), "replacing a disk");
    registrar.stop();
    registrar = make();
    registrar.advertise(passing);
    await arrived();
    await clock.advance(20_000);
    expect(script.checks.has(maintenanceCheckId("orders-1"))).toBe(true);
  });

  it("puts a lost registration back into maintenance while it drains", async () => {
    await arrived();
    await registrar.drain(true);
    expect(script.notes.get(maintenanceCheckId("orders-1"))).toBe(drainingReason);
    script.services.clear();
    script.checks.clear();
    await clock.advance(5_000);
    expect(script.checks.get(maintenanceCheckId("orders-1"))).toBe("critical");
  });

  it("sets the maintenance as soon as Consul can take it", async () => {
    await arrived();
    script.fault.now = unreachable;
    await expect(registrar.drain(true)).rejects.toThrow("does not answer");
    script.fault.now = undefined;
    await clock.advance(5_000);
    expect(script.checks.has(maintenanceCheckId("orders-1"))).toBe(true);
  });

  it("does not touch the registration of another living agent, and takes it over when that one's heartbeat has lapsed", async () => {
    await arrived();
    registrar.stop();
    const other = createRegistrar({
      consul: script.consul,
      registration: (reports) =>
        registrationOf(configOf().service, { owner: "other@elsewhere", mesh: { host: "10.0.0.9", port: 1 } }, reports),
      heartbeat: 10_000,
      compare: 5_000,
      clock,
      backoff: createBackoff({ base: 500, max: 4_000 }),
      log: createLogger({ name: "test", level: "silent" }),
    });
    other.advertise(passing);
    other.begin();
    other.arrive();
    script.calls.length = 0;
    await clock.advance(20_000);
    expect(other.state.duplicate).toMatch(/"orders-1" is registered by the agent on host .*--id/);
    expect(script.calls.every((name) => name === "service" || name === "checks")).toBe(true);
    const farewell = await other.leave(1_000);
    expect(farewellText(farewell)).toMatch(/^left alone: the agent on host \(.*\) holds this id$/);
    expect(script.services.has("orders-1")).toBe(true);

    script.checks.set(heartbeatId, "critical");
    const third = make("third@elsewhere");
    third.advertise(passing);
    third.begin();
    await clock.advance(1);
    expect(script.services.get("orders-1")?.Meta?.["legation-agent"]).toBe("third@elsewhere");
  });

  it("registers nothing again once it leaves, however slowly Consul answers what was asked before", async () => {
    await arrived();
    const { service } = script.consul;
    let answer: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    script.consul.service = async (id) => {
      script.consul.service = service;
      await held;
      return await service(id);
    };
    await clock.advance(5_000);
    const left = registrar.leave(5_000);
    await clock.advance(2_000);
    expect(await left).toEqual({ kind: "gone" });
    answer();
    await clock.advance(60_000);
    expect(script.services.size).toBe(0);
  });

  it("takes a registering back that hung for so long that the deregistering came before it", async () => {
    const { register } = script.consul;
    let answer: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    script.consul.register = async (registration) => {
      await held;
      await register(registration);
    };
    registrar.begin();
    registrar.arrive();
    await clock.advance(1);
    const left = registrar.leave(5_000);
    await clock.advance(2_000);
    answer();
    await clock.advance(10);
    expect(await left).toEqual({ kind: "gone" });
    expect(script.calls.slice(-3)).toContain("deregister");
    expect(script.services.size).toBe(0);
  });

  it("tells of draining also when it could not look yet whether an earlier registration stands in Consul", async () => {
    await arrived();
    registrar.stop();
    registrar = make();
    registrar.advertise(passing);
    script.fault.now = unreachable;
    registrar.begin();
    await clock.advance(1);
    expect(registrar.state).toMatchObject({ registered: false, compared: false });
    await expect(registrar.drain(true)).rejects.toThrow("does not answer");
    script.fault.now = undefined;
    await registrar.drain(true);
    expect(script.notes.get(maintenanceCheckId("orders-1"))).toBe(drainingReason);
  });

  it("deregisters, verifies, and says so when Consul does not take it within the limit", async () => {
    await arrived();
    expect(await registrar.leave(5_000)).toEqual({ kind: "gone" });
    expect(script.services.size).toBe(0);
    script.calls.length = 0;
    await clock.advance(60_000);
    expect(script.calls).toEqual([]);

    registrar = make();
    registrar.advertise(passing);
    await arrived();
    script.fault.now = unreachable;
    const left = registrar.leave(5_000);
    await clock.advance(6_000);
    expect(await left).toEqual({ kind: "unverified" });
  });

  it("leaves another agent's registration alone although it was its own when it last looked", async () => {
    await arrived();
    const taken = script.services.get("orders-1");
    if (taken) script.services.set("orders-1", { ...taken, Meta: { ...taken.Meta, "legation-agent": "other@elsewhere" }, Port: 1 });
    expect((await registrar.leave(5_000)).kind).toBe("foreign");
    expect(script.calls).not.toContain("deregister");
  });

  it("gives up half a second after a hurry that comes while Consul does not answer", async () => {
    await arrived();
    script.consul.service = () => new Promise(() => {});
    const hurry = new AbortController();
    let farewell: string | undefined;
    void registrar.leave(60_000, hurry.signal).then(({ kind }) => {
      farewell = kind;
    });
    await clock.advance(10_000);
    expect(farewell).toBeUndefined();
    hurry.abort();
    await clock.advance(500);
    expect(farewell).toBe("unverified");
  });
});
