/** A service appears in Consul, stays there by itself, and leaves every Envoy when its heartbeat ends. */
import { until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { consulVersions, inboundOf, limitMs, passing, rowOf, untilHealthy, untilUsable, useMesh } from "./fixture.js";

describe.each(consulVersions)("on Consul %s", (version) => {
  const state = useMesh({ consul: { version } }, async (mesh) => {
    const orders = await mesh.startService({
      name: "orders",
      dependencies: ["payments?"],
      config: { tags: ["blue"], meta: { team: "checkout" }, weights: { passing: 7, warning: 2 }, region: "eu", zone: "eu-1" },
    });
    const second = await mesh.startService({ name: "orders", id: "orders-2" });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    return { orders, second, web };
  });

  it("is registered by the contract: application address, mesh address, weights, metadata, passing checks", async () => {
    const { mesh, orders } = state();
    const row = await rowOf(mesh, "orders", "orders-1");
    expect(`${row?.Service.Address}:${row?.Service.Port}`).toBe(orders.app.replace("http://", ""));
    expect(`${row?.Service.TaggedAddresses?.["mesh"]?.Address}:${row?.Service.TaggedAddresses?.["mesh"]?.Port}`).toBe(inboundOf(orders));
    expect(row?.Service.Weights).toEqual({ Passing: 7, Warning: 2 });
    expect(row?.Service.Tags).toContain("blue");
    expect(row?.Service.Meta).toMatchObject({
      team: "checkout",
      version: "1.0.0",
      protocol: "http",
      region: "eu",
      zone: "eu-1",
      "legation-dep-0": "payments?",
    });
    expect(row?.Checks.filter((c) => c.CheckID !== "serfHealth").map((c) => c.Status)).toEqual(
      expect.arrayContaining(["passing", "passing"]),
    );
  });

  it("is in the Envoy of its caller, under its mesh address", async () => {
    const { orders, second, web } = state();
    await untilUsable(web, "orders", [orders, second]);
  });

  it("keeps the output of its checks stable while nothing changes", async () => {
    const { mesh } = state();
    const outputs = async () => (await rowOf(mesh, "orders", "orders-1"))?.Checks.map((c) => c.Output).join("\n");
    const before = await outputs();
    const { orders } = state();
    const checks = async () =>
      (await orders.ask<{ health: { history: { at: string }[] } }>("GET", "/v1/status")).body.health.history.at(-1)?.at;
    const last = await checks();
    await until(async () => (await checks()) !== last, { what: "another health check", limitMs });
    expect(await outputs()).toBe(before);
  });

  it("registers again by itself when somebody deregistered it", async () => {
    const { mesh } = state();
    const answer = await fetch(`${mesh.consul.url}/v1/agent/service/deregister/orders-1`, { method: "PUT" });
    expect(answer.status).toBe(200);
    await until(() => passing(mesh, "orders", "orders-1"), { what: "orders-1 to be registered again", limitMs });
  });

  it("registers again by itself after Consul restarted without its data", async () => {
    const { mesh, orders, second, web } = state();
    await mesh.consul.restart({ keepData: false });
    for (const [service, id] of [
      ["orders", "orders-1"],
      ["orders", "orders-2"],
      ["web", "web-1"],
    ] as const) {
      await until(() => passing(mesh, service, id), { what: `${id} to be registered again`, limitMs });
    }
    await untilUsable(web, "orders", [orders, second]);
  });

  it("leaves its callers' Envoys when its heartbeat ends, and comes back when it is started again", async () => {
    const { orders, second, web } = state();
    await second.kill9("all");
    await untilUsable(web, "orders", [orders]);
    await second.restart();
    await untilHealthy(web, "orders", [orders, second]);
  });
});
