/** Stopping, and starting, one of several instances loses no request. */
import { describe, expect, it } from "vitest";
import { load, rowOf, untilUsable, useMesh } from "./fixture.js";

describe("a rolling restart under constant load", () => {
  const state = useMesh({}, async (mesh) => {
    const orders = [];
    for (const id of ["orders-1", "orders-2", "orders-3"]) orders.push(await mesh.startService({ name: "orders", id }));
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    await untilUsable(web, "orders", orders);
    return { orders, web };
  });

  it("loses not one request, whether short or still running when the stop begins", async () => {
    const { mesh, orders, web } = state();
    const short = load(web, "orders", 150);
    const long = load(web, "orders", 10, "/?ms=1500");
    for (const instance of orders) {
      expect(await instance.stop()).toBe(0);
      expect(await rowOf(mesh, "orders", instance.id)).toBeUndefined();
      await instance.restart();
      await untilUsable(web, "orders", orders);
    }
    for (const report of [await short.stop(), await long.stop()]) {
      expect(report.failuresByReason).toEqual({});
      expect(report.succeeded).toBe(report.due);
      expect(Object.keys(report.byInstance).sort()).toEqual(["orders-1", "orders-2", "orders-3"]);
    }
  });
});
