/** A new bootstrap reaches a caller's and a callee's only Envoy while requests flow, and none is lost. */
import { readFileSync, writeFileSync } from "node:fs";
import { type ServiceProcess, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, load, rowOf, untilUsable, useMesh } from "./fixture.js";

/** Adds lines to the instance's file and tells its agent; resolves when another Envoy serves. */
async function change(instance: ServiceProcess, replace: (file: string) => string): Promise<void> {
  const before = await instance.pids();
  writeFileSync(instance.configFile, replace(readFileSync(instance.configFile, "utf8")));
  process.kill(before.agent, "SIGHUP");
  await until(async () => (await instance.pids()).envoy !== before.envoy, { what: `${instance.id}'s new Envoy`, limitMs });
  expect((await instance.pids()).app).toBe(before.app);
}

describe("a hot restart under constant load", () => {
  const state = useMesh({}, async (mesh) => {
    const config = { drain: { limit: "2s" } };
    const orders = await mesh.startService({ name: "orders", config });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"], config });
    await untilUsable(web, "orders", [orders]);
    return { orders, web };
  });

  it("of the callee's Envoy and of the caller's loses not one request", async () => {
    const { mesh, orders, web } = state();
    const running = load(web, "orders", 150);
    await change(orders, (file) => `${file}zone: z2\ntags: [blue]\n`);
    await change(web, (file) => file.replace('dependencies: ["orders"]', 'dependencies: ["orders", "payments?"]'));
    await until(async () => (await rowOf(mesh, "orders", orders.id))?.Service.Tags.includes("blue"), { what: "the new tag", limitMs });
    const ended = (instance: ServiceProcess) => readFileSync(instance.log, "utf8").includes("envoy.parent-ended");
    await until(() => Promise.resolve(ended(orders) && ended(web)), { what: "both Envoys from before to end", limitMs });
    const report = await running.stop();
    expect(report.failuresByReason).toEqual({});
    expect(report.succeeded).toBe(report.due);
  });
});
