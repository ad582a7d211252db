/** kill -9 of each process: what runs goes on, what died is replaced or leaves. */
import { until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, load, passing, untilHealthy, untilUsable, useMesh } from "./fixture.js";

describe("kill -9", () => {
  const state = useMesh({ consul: { durable: true } }, async (mesh) => {
    const orders = [];
    for (const id of ["orders-1", "orders-2", "orders-3"]) orders.push(await mesh.startService({ name: "orders", id }));
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    await untilUsable(web, "orders", orders);
    return { orders, web };
  });

  const victim = () => {
    const [first] = state().orders;
    if (!first) throw new Error("three instances were started");
    return first;
  };

  it("of the application: callers notice nothing, and the agent starts it again", async () => {
    const { mesh, orders, web } = state();
    const traffic = load(web, "orders");
    const before = await victim().pids();
    await victim().kill9("app");
    await until(async () => (await victim().pids()).app !== before.app, { what: "a new application process", limitMs });
    await until(() => passing(mesh, "orders", victim().id), { what: "orders-1 to pass again", limitMs });
    await untilHealthy(web, "orders", orders);
    const report = await traffic.stop();
    expect(report.failuresByReason).toEqual({});
  });

  it("of Envoy: callers notice nothing, the application lives on, and the agent starts Envoy again", async () => {
    const { mesh, orders, web } = state();
    const traffic = load(web, "orders");
    const before = await victim().pids();
    await victim().kill9("envoy");
    await until(async () => (await victim().pids()).envoy !== before.envoy && (await victim().envoy.ready()), {
      what: "a new Envoy",
      limitMs,
    });
    await until(() => passing(mesh, "orders", victim().id), { what: "orders-1 to pass again", limitMs });
    await untilHealthy(web, "orders", orders);
    expect((await victim().pids()).app).toBe(before.app);
    const report = await traffic.stop();
    expect(report.failuresByReason).toEqual({});
  });

  it("of the agent: application and Envoy live on, the next agent adopts both, and no request notices", async () => {
    const { orders, web } = state();
    const traffic = load(web, "orders");
    const before = await victim().pids();
    await victim().kill9("agent");
    await victim().restart();
    const after = await victim().pids();
    expect({ app: after.app, envoy: after.envoy }).toEqual({ app: before.app, envoy: before.envoy });
    await untilHealthy(web, "orders", orders);
    const report = await traffic.stop();
    expect(report.failuresByReason).toEqual({});
  });

  it("of the control plane: traffic goes on, and a change is seen as soon as it is back", async () => {
    const { mesh, orders, web } = state();
    const traffic = load(web, "orders");
    await mesh.controlPlane.kill9();
    const stretch = traffic.stretch();
    await until(() => stretch.report().succeeded >= 100, { what: "a hundred answers without a control plane", limitMs });
    await mesh.controlPlane.restart();
    await victim().stop();
    await untilHealthy(web, "orders", orders.slice(1));
    await victim().restart();
    await untilHealthy(web, "orders", orders);
    const report = await traffic.stop();
    expect(report.failuresByReason).toEqual({});
  });

  it("of Consul: traffic goes on, and everything is as before when it is back with its data", async () => {
    const { mesh, orders, web } = state();
    const traffic = load(web, "orders");
    await mesh.consul.kill9();
    const stretch = traffic.stretch();
    await until(() => stretch.report().succeeded >= 100, { what: "a hundred answers without Consul", limitMs });
    await mesh.consul.restart({ keepData: true });
    for (const { id } of orders) await until(() => passing(mesh, "orders", id), { what: `${id} to pass`, limitMs });
    await untilHealthy(web, "orders", orders);
    const report = await traffic.stop();
    expect(report.failuresByReason).toEqual({});
  });
});
