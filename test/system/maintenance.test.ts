/** What takes an instance out of service ends when it should: with the agent that began it, or, where an operator wants it so, only with the operator. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { legationCommand, type ServiceProcess, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, load, rowOf, untilHealthy, useMesh } from "./fixture.js";

const run = promisify(execFile);

/** `legation …` for an instance, as a person types it. */
async function legation(instance: ServiceProcess, ...argv: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [legationCommand, ...argv, "--state-dir", instance.stateDir]);
  return stdout;
}

describe("an instance among two", () => {
  const state = useMesh({}, async (mesh) => {
    // The wait for callers outside the mesh is a step of its own, long enough to be killed in.
    const slow = { drain: { outsiders: "2s" } };
    const first = await mesh.startService({ name: "orders", id: "orders-1", config: slow });
    const second = await mesh.startService({ name: "orders", id: "orders-2" });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    const orders = [first, second];
    await untilHealthy(web, "orders", orders);
    const mark = async () =>
      (await rowOf(mesh, "orders", "orders-1"))?.Checks.find(({ CheckID }) => CheckID.startsWith("_service_maintenance"));
    return { first, orders, web, mark };
  });

  it("goes out and back by the commands, with no request lost", async () => {
    const { first, orders, web } = state();
    const requests = load(web, "orders", 100);
    expect(await legation(first, "drain", "--wait")).toBe("drained\n");
    expect(await legation(first, "drain", "--wait")).toBe("it had been drained before\n");
    expect(await legation(first, "undrain")).toMatch(/^in service; the only subscribed proxy of 1 control plane acknowledged\n$/);
    expect(await legation(first, "restart", "--force")).toMatch(/^restarted; the only subscribed proxy/);
    await untilHealthy(web, "orders", orders);
    expect((await requests.stop()).failuresByReason).toEqual({});
  });

  it("is back as soon as an operator ends a maintenance", async () => {
    const { first, orders, web, mark } = state();
    await legation(first, "maintenance", "on");
    expect((await mark())?.Status).toBe("critical");
    expect(await legation(first, "maintenance", "off")).toMatch(/^in service; the only subscribed proxy/);
    expect(await mark()).toBeUndefined();
    await untilHealthy(web, "orders", orders);
  });

  it("stays in an operator's maintenance over a new agent, a new process and a wiped Consul, until the operator ends it", async () => {
    const { mesh, first, orders, web, mark } = state();
    expect(await legation(first, "maintenance", "on", "--reason", "new disk")).toMatch(/^in maintenance: drained/);
    const refused = await first.ask<{ message: string }>("POST", "/v1/undrain");
    expect([refused.status, refused.body.message]).toEqual([409, expect.stringContaining("new disk")]);
    const stays = async (what: string) => {
      await until(async () => (await mark()) !== undefined, { what: `maintenance after ${what}`, limitMs });
      const status = await first.ask<{ state: string; maintenance: string }>("GET", "/v1/status");
      expect(status.body).toMatchObject({ maintenance: "new disk" });
      expect((await first.ask("GET", "/v1/ready")).status).toBe(503);
    };
    await first.kill9("agent");
    await first.restart({ waitReady: false });
    await until(async () => (await first.ask<{ state: string }>("GET", "/v1/status")).body.state === "draining", {
      what: "the new agent",
      limitMs,
    });
    await stays("a new agent");
    await legation(first, "restart");
    await stays("a new process");
    await mesh.consul.restart({ keepData: false });
    await until(() => rowOf(mesh, "orders", "orders-1"), { what: "orders-1 to be registered again", limitMs });
    await stays("a wiped Consul");
    await legation(first, "maintenance", "off");
    expect(await mark()).toBeUndefined();
    await untilHealthy(web, "orders", orders);
  });

  it.each(["1", "2", "2b", "3"])(
    "comes back when its agent is killed -9 as step %s of a drain is over, and nothing stays behind",
    async (step) => {
      const { first, orders, web, mark } = state();
      const drain = first.ask("POST", "/v1/drain").catch(() => undefined);
      await until(
        async () => (await first.ask<{ leaving: { step: string }[] }>("GET", "/v1/status")).body.leaving.some((done) => done.step === step),
        { what: `step ${step}`, limitMs },
      );
      await first.kill9("agent");
      await drain;
      await first.restart();
      await untilHealthy(web, "orders", orders);
      expect(await mark()).toBeUndefined();
      expect(await legation(first, "drain", "--wait")).toBe("drained\n");
      await legation(first, "undrain");
    },
  );

  it("is back although its agent is killed -9 after an operator ended the maintenance and before Consul heard of it", async () => {
    const { mesh, first, orders, web, mark } = state();
    await legation(first, "maintenance", "on", "--reason", "new disk");
    await until(async () => (await mark()) !== undefined, { what: "the mark", limitMs });
    await mesh.consul.freeze();
    await first.ask("POST", "/v1/maintenance", { enabled: false, wait: false });
    await first.kill9("agent");
    mesh.consul.thaw();
    await first.restart();
    await untilHealthy(web, "orders", orders);
    expect(await mark()).toBeUndefined();
    expect((await first.ask("GET", "/v1/ready")).status).toBe(200);
  });

  it("leaves in order when it is stopped in the middle of a drain", async () => {
    const { mesh, first, web, mark } = state();
    const requests = load(web, "orders", 100);
    const drain = first.ask("POST", "/v1/drain").catch(() => undefined);
    await until(async () => (await mark()) !== undefined, { what: "the drain to begin", limitMs });
    expect(await first.stop()).toBe(0);
    await drain;
    expect(await rowOf(mesh, "orders", "orders-1")).toBeUndefined();
    expect((await requests.stop()).failuresByReason).toEqual({});
  });
});
