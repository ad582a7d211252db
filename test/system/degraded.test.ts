/** A degraded instance keeps a part of its share, and gets the whole of it back. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ServiceProcess, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { control, load, passing, rowOf, untilUsable, useMesh } from "./fixture.js";

const limitMs = 60_000;

/** The part of 1,200 requests that each instance answers. */
async function shares(web: ServiceProcess): Promise<(id: string) => number> {
  const traffic = load(web, "orders", 300);
  const stretch = traffic.stretch();
  await until(() => stretch.report().succeeded >= 1_200, { what: "1,200 answers", limitMs });
  const report = await stretch.end();
  await traffic.stop();
  expect(report.failed).toBe(0);
  return (id) => (report.byInstance[id] ?? 0) / report.succeeded;
}

describe("a degraded instance", () => {
  const state = useMesh({}, async (mesh) => {
    const orders = [];
    for (const id of ["orders-1", "orders-2", "orders-3"]) {
      const flag = join(mesh.sandbox.makeDir(`flags/${id}`), "degraded");
      const health = {
        http: { path: "/health" },
        checks: [{ name: "flag", command: `test ! -e ${flag}` }],
        interval: "500ms",
        timeout: "2s",
      };
      const process = await mesh.startService({ name: "orders", id, config: { health } });
      orders.push({ process, flag });
    }
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    await untilUsable(
      web,
      "orders",
      orders.map(({ process }) => process),
    );
    return { orders, web };
  });
  const warned = (check: string) =>
    until(
      async () => {
        const row = await rowOf(state().mesh, "orders", "orders-1");
        const found = row?.Checks.find(({ CheckID }) => CheckID === `legation:orders-1:${check}`);
        return found?.Status === "warning" ? found.Output : undefined;
      },
      { what: `the check ${check} of orders-1 to warn`, limitMs },
    );
  const atWeight = (weight: number) =>
    until(
      async () => {
        const { web, orders } = state();
        const own = orders[0]?.process.inbound.replace("http://", "");
        const endpoint = ((await web.envoy.clusters()).get("orders") ?? []).find(({ address }) => address === own);
        return endpoint?.weight === weight;
      },
      { what: `orders-1 to have the weight ${weight} in the caller's Envoy`, limitMs },
    );

  it("has the share of the others while all are healthy", async () => {
    const share = await shares(state().web);
    expect(share("orders-1")).toBeGreaterThan(0.28);
  });

  it("is a warning in Consul with level, cause and output, and gets half as many requests as the others", async () => {
    const { web, orders } = state();
    writeFileSync(orders[0]?.flag ?? "", "");
    expect(await warned("flag")).toMatch(/^DEGRADED: command "test ! -e .*" warns \(exit code 1\)$/);
    await atWeight(1);
    const share = await shares(web);
    expect(share("orders-1")).toBeGreaterThan(0.12);
    expect(share("orders-1")).toBeLessThan(0.26);
    expect(share("orders-2")).toBeGreaterThan(0.34);
  });

  it("has its share again when it is healthy", async () => {
    const { mesh, web, orders } = state();
    rmSync(orders[0]?.flag ?? "");
    await until(() => passing(mesh, "orders", "orders-1"), { what: "orders-1 to pass", limitMs });
    await atWeight(2);
    const share = await shares(web);
    expect(share("orders-1")).toBeGreaterThan(0.28);
  });

  it("may say so itself, with 503 too, and its document is in the agent's status", async () => {
    const { orders } = state();
    const [first] = orders;
    if (!first) throw new Error("three instances were started");
    const document = {
      status: "degraded",
      uptime: 12,
      version: "1.2.3",
      memory: { used: 1, total: 4, percentage: 25 },
      dependencies: { db: true, cache: false },
    };
    await control(first.process, { health: 503, document });
    expect(await warned("http")).toMatch(/^DEGRADED: GET http:\/\/127.0.0.1:\d+\/health says degraded: without cache$/);
    await atWeight(1);
    const status = (await first.process.ask<{ health: unknown }>("GET", "/v1/status")).body;
    expect(status.health).toMatchObject({ level: "DEGRADED", checks: { http: { document }, flag: { level: "HEALTHY" } } });
    await control(first.process, { health: 200, document: {} });
    await atWeight(2);
  });
});
