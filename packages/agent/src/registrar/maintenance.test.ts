import { drainingReason, maintenanceCheckId } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { describe, expect, it } from "vitest";
import type { ConsulAgent } from "./consul-agent.js";
import { createMaintenance } from "./maintenance.js";

/** Consul with at most one mark, as its agent keeps it: a second one changes nothing of the first. */
function scene(notes?: string) {
  const consul = { mark: notes, known: true };
  const calls: string[] = [];
  const agent = {
    checks: async () =>
      consul.mark === undefined ? [] : [{ id: maintenanceCheckId("o1"), status: "critical" as const, notes: consul.mark }],
    maintenance: async (_id: string, on: boolean, reason: string) => {
      calls.push(on ? reason : "off");
      if (!consul.known) return false;
      consul.mark = on ? (consul.mark ?? reason) : undefined;
      return true;
    },
  } as unknown as ConsulAgent;
  const ended = { count: 0 };
  const maintenance = createMaintenance({
    consul: agent,
    id: "o1",
    log: createLogger({ name: "test", level: "silent" }),
    onEnded: () => {
      ended.count += 1;
    },
  });
  return { consul, calls, ended, maintenance };
}

describe("the mark that keeps an instance out of service", () => {
  it("is set and taken away as the agent drains, and asked for once", async () => {
    const { consul, calls, maintenance } = scene();
    maintenance.drain(true);
    await Promise.all([maintenance.settle(), maintenance.settle()]);
    expect(consul.mark).toBe(drainingReason);
    maintenance.drain(false);
    await maintenance.settle();
    await maintenance.settle();
    expect(calls).toEqual([drainingReason, "off"]);
  });

  it("is cleared when an earlier agent has left it while draining", async () => {
    const { consul, maintenance } = scene(drainingReason);
    await maintenance.settle();
    expect(consul.mark).toBeUndefined();
  });

  it.each(["", "disk swap", "legation:maintenance: new disk"])(
    "is left alone when somebody else has set it (%j), also after a drain",
    async (notes) => {
      const { consul, calls, maintenance } = scene(notes);
      await maintenance.settle();
      maintenance.drain(true);
      await maintenance.settle();
      maintenance.drain(false);
      await maintenance.settle();
      expect([consul.mark, calls]).toEqual([notes, []]);
    },
  );

  it("carries an operator's reason, and outlasts a drain", async () => {
    const { consul, maintenance } = scene();
    maintenance.operator("new disk");
    maintenance.drain(true);
    await maintenance.settle();
    maintenance.drain(false);
    await maintenance.settle();
    expect([consul.mark, maintenance.wished]).toEqual(["legation:maintenance: new disk", true]);
    maintenance.operator(undefined);
    await maintenance.settle();
    expect([consul.mark, maintenance.wished]).toEqual([undefined, false]);
  });

  it("ends with the operator's word, whoever has set it", async () => {
    const { consul, ended, maintenance } = scene("disk swap");
    await maintenance.settle();
    maintenance.operator(undefined);
    consul.known = false;
    expect(await maintenance.settle()).toBe(false);
    expect(ended.count).toBe(0);
    consul.known = true;
    await maintenance.settle();
    await maintenance.settle();
    expect([consul.mark, ended.count]).toEqual([undefined, 1]);
  });

  it("goes with the drain when the operator has ended the maintenance before, whatever reason stands there", async () => {
    const { consul, maintenance } = scene();
    maintenance.operator("new disk");
    maintenance.drain(true);
    await maintenance.settle();
    maintenance.operator(undefined);
    await maintenance.settle();
    expect(consul.mark).toBe("legation:maintenance: new disk");
    maintenance.drain(false);
    await maintenance.settle();
    expect(consul.mark).toBeUndefined();
  });

  it("is set again when Consul has lost it, and says when Consul does not know the service", async () => {
    const { consul, maintenance } = scene();
    maintenance.operator("new disk");
    await maintenance.settle();
    consul.mark = undefined;
    maintenance.forget();
    consul.known = false;
    expect(await maintenance.settle()).toBe(false);
    consul.known = true;
    expect(await maintenance.settle()).toBe(true);
    expect(consul.mark).toBe("legation:maintenance: new disk");
  });
});
