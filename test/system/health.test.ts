/** Requests go to healthy instances only. */
import { describe, expect, it } from "vitest";
import { control, load, untilUsable, useMesh } from "./fixture.js";

describe("an unhealthy majority", () => {
  const state = useMesh({}, async (mesh) => {
    const orders = [];
    for (const id of ["orders-1", "orders-2", "orders-3"]) {
      orders.push(
        await mesh.startService({
          name: "orders",
          id,
          config: {
            health: {
              http: { path: "/health" },
              interval: "1s",
              timeout: "1s",
              failureThreshold: 1,
              recoveryThreshold: 1,
              autoRecovery: false,
            },
          },
        }),
      );
    }
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    return { orders, web };
  });

  it("gets not one request while two of three instances are critical, and its share again after", async () => {
    const { orders, web } = state();
    const [first, second, third] = orders;
    if (!first || !second || !third) throw new Error("three instances were started");
    await untilUsable(web, "orders", orders);
    await control(first, { health: 500 });
    await control(second, { health: 500 });
    await untilUsable(web, "orders", [third]);
    const traffic = load(web, "orders", 200);
    const stretch = traffic.stretch();
    await new Promise<void>((resolve) => {
      const look = () => (stretch.report().succeeded >= 600 ? resolve() : setTimeout(look, 20));
      look();
    });
    const report = await stretch.end();
    expect(report.failed).toBe(0);
    expect(Object.keys(report.byInstance)).toEqual(["orders-3"]);
    await control(first, { health: 200 });
    await control(second, { health: 200 });
    await untilUsable(web, "orders", orders);
    await traffic.stop();
  });
});
