/** Leaving and arriving are proven by the callers' proxies, at every replica of the control plane, and go on when one of them cannot prove it. */
import { type Mesh, type ServiceProcess, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { inboundOf, limitMs, load, rowOf, untilHealthy, untilUsable, useMesh } from "./fixture.js";

interface Step {
  readonly step: string;
  readonly outcome: string;
  readonly ms: number;
  readonly laggards?: readonly string[];
}

const api = (instance: ServiceProcess, path: string, body?: object) =>
  instance.ask<{ success: boolean; state: string; already?: boolean; steps?: readonly Step[] }>("POST", `/v1${path}`, body ?? {});

/** EDS's word for an instance in a caller's Envoy. */
async function health(caller: ServiceProcess, instance: ServiceProcess): Promise<string | undefined> {
  return (await caller.envoy.clusters()).get("orders")?.find(({ address }) => address === inboundOf(instance))?.health;
}

async function replica(mesh: Mesh, name: string) {
  return await startControlPlane(mesh.sandbox, { name, consul: mesh.consul.url });
}

describe("two replicas of the control plane, each with a caller", () => {
  const state = useMesh({}, async (mesh) => {
    const second = await replica(mesh, "control-plane-2");
    const orders = [];
    for (const id of ["orders-1", "orders-2"])
      orders.push(
        await mesh.startService({
          name: "orders",
          id,
          config: { drain: { acknowledge: "4s" } },
          controlPlanes: [mesh.controlPlane, second],
        }),
      );
    const web = await mesh.startService({ name: "web", id: "web-1", dependencies: ["orders"], controlPlanes: [mesh.controlPlane] });
    const admin = await mesh.startService({ name: "admin", id: "admin-1", dependencies: ["orders"], controlPlanes: [second] });
    for (const caller of [web, admin]) await untilUsable(caller, "orders", orders);
    const [first, other] = orders as [ServiceProcess, ServiceProcess];
    return { second, orders, first, other, web, admin };
  });

  it("a drain is answered when the callers of both have acknowledged, and an undrain too", async () => {
    const { first, orders, web, admin } = state();
    const requests = load(web, "orders", 100);
    const drained = await api(first, "/drain");
    expect(drained.body.steps?.find(({ step }) => step === "2")?.outcome).toBe("all 2 subscribed proxies of 2 control planes acknowledged");
    for (const caller of [web, admin]) expect(await health(caller, first)).toBe("DRAINING");
    expect((await first.ask("GET", "/v1/ready")).status).toBe(503);
    const again = await api(first, "/drain");
    expect(again.body).toMatchObject({ success: true, already: true });
    const undrained = await api(first, "/undrain");
    expect(undrained.body).toMatchObject({ success: true, message: "all 2 subscribed proxies of 2 control planes acknowledged" });
    for (const caller of [web, admin]) expect(await health(caller, first)).toBe("HEALTHY");
    expect((await first.ask("GET", "/v1/ready")).status).toBe(200);
    await untilUsable(web, "orders", orders);
    const report = await requests.stop();
    expect(report.failuresByReason).toEqual({});
  });

  it("a restart loses no request and ends when the callers have the instance again", async () => {
    const { first, web } = state();
    const before = (await first.pids()).app;
    const requests = load(web, "orders", 100);
    const restarted = await api(first, "/restart", { wait: true });
    expect(restarted.body).toMatchObject({
      success: true,
      message: "restarted; all 2 subscribed proxies of 2 control planes acknowledged",
    });
    expect((await first.pids()).app).not.toBe(before);
    expect((await requests.stop()).failuresByReason).toEqual({});
  });

  it("a caller whose Envoy is frozen is named, and the drain goes on at its limit", async () => {
    const { first, admin, orders } = state();
    const { envoy } = await admin.pids();
    process.kill(envoy, "SIGSTOP");
    try {
      const drained = await api(first, "/drain");
      const step = drained.body.steps?.find(({ step }) => step === "2");
      expect(step?.laggards).toEqual([expect.stringMatching(/\/admin-1$/)]);
      expect(step?.ms).toBeGreaterThan(3_000);
      expect(step?.ms).toBeLessThan(5_500);
      expect(drained.body.steps?.map(({ step }) => step)).toEqual(["1", "2", "3", "4"]);
    } finally {
      process.kill(envoy, "SIGCONT");
    }
    await api(first, "/undrain");
    await untilHealthy(admin, "orders", orders);
  });

  it("a replica that is killed in the middle of a drain holds it up no longer than its proxies need to go elsewhere", async () => {
    const { second, first, admin, orders } = state();
    const { envoy } = await admin.pids();
    process.kill(envoy, "SIGSTOP");
    try {
      const draining = api(first, "/drain");
      await until(async () => (await first.ask<{ state: string }>("GET", "/v1/status")).body.state === "draining", {
        what: "the drain to begin",
        limitMs,
      });
      await second.kill9();
      const step = (await draining).body.steps?.find(({ step }) => step === "2");
      expect(step?.outcome).toMatch(/no answer of the control plane 127\.0\.0\.1:\d+ /);
      expect(step?.ms).toBeLessThan(5_500);
    } finally {
      process.kill(envoy, "SIGCONT");
    }
    await second.restart();
    await api(first, "/undrain");
    await untilHealthy(admin, "orders", orders);
  });

  it("without any control plane a stated time is waited, and Consul still says that it drains", async () => {
    const { mesh, second, other, web, admin, orders } = state();
    await mesh.controlPlane.kill9();
    await second.kill9();
    const drained = await api(other, "/drain");
    const step = drained.body.steps?.find(({ step }) => step === "2");
    expect(step?.outcome).toMatch(/^no control plane answers .*: waited 1000 ms$/);
    const row = await rowOf(mesh, "orders", other.id);
    expect(row?.Checks.some(({ CheckID }) => CheckID.startsWith("_service_maintenance"))).toBe(true);
    await mesh.controlPlane.restart();
    await second.restart();
    await api(other, "/undrain");
    for (const caller of [web, admin]) await untilHealthy(caller, "orders", orders);
  });
});
