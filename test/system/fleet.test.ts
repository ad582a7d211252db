/** Several services under one agent, each with its own Envoy: the order of start and stop, failures that stay where they are, and adoption. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FleetProcess, httpSender, legationCommand, startFleet, startLoad, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, useMesh } from "./fixture.js";

/** When an event came for a service's instance for the first time since `from`; milliseconds. */
function at(fleet: FleetProcess, event: string, name: string, from = 0): number {
  const line = fleet.events().find((e) => e.event === event && e.id === `${name}-1` && Date.parse(e.time) >= from);
  if (!line) throw new Error(`there is no ${event} of ${name}`);
  return Date.parse(line.time);
}

describe("services under one agent", () => {
  const state = useMesh({}, async (mesh) => {
    const fleet = await startFleet(mesh.sandbox, {
      name: "fleet",
      consul: mesh.consul.url,
      controlPlanes: [mesh.controlPlane],
      services: { web: ["orders", "hints?"], orders: ["payments"], payments: [], audit: [] },
    });
    await fleet.ready();
    return { fleet };
  });

  it("start by layers, each with an Envoy of its own, and independent ones at once", async () => {
    const { fleet } = state();
    const services = await fleet.services();
    expect(Object.fromEntries(Object.values(services).map(({ service, layer }) => [service, layer]))).toEqual({
      audit: 1,
      payments: 1,
      orders: 2,
      web: 3,
    });
    expect(new Set(Object.values(services).map(({ pids }) => pids.envoy)).size).toBe(4);
    expect(at(fleet, "service.starting", "orders")).toBeGreaterThanOrEqual(at(fleet, "service.running", "payments"));
    expect(at(fleet, "service.starting", "web")).toBeGreaterThanOrEqual(at(fleet, "service.running", "orders"));
    expect(at(fleet, "service.starting", "audit")).toBeLessThan(at(fleet, "service.starting", "orders"));
  });

  it("are all adopted after a kill -9 of the agent, and no request notices", async () => {
    const { fleet } = state();
    const { url } = await fleet.outbound("web");
    const path = "/call/payments/x";
    const load = startLoad({ sender: httpSender({ url: `${url}${path}`, headers: { host: "orders" } }), rate: 50 });
    const answered = (more: number) => {
      const wanted = load.report().succeeded + more;
      return until(() => load.report().succeeded >= wanted, { what: `${more} more answers`, limitMs });
    };
    await answered(20);
    const pids = async () => Object.fromEntries(Object.values(await fleet.services()).map((service) => [service.id, service.pids]));
    const before = await pids();
    await fleet.child.kill9();
    await fleet.start();
    await fleet.ready();
    expect(await pids()).toEqual(before);
    await answered(20);
    expect((await load.stop()).failuresByReason).toEqual({});
  });

  it("do not touch each other: one crashes for good, those that require it say so, and all goes on when it recovers", async () => {
    const { fleet } = state();
    const before = await fleet.services();
    fleet.setDown("payments", true);
    process.kill(before["payments"]?.pids.app ?? 0, "SIGKILL");
    const failed = await until(
      async () => {
        const now = await fleet.services();
        return now["payments"]?.state === "failed" && now;
      },
      { what: "payments to have failed", limitMs },
    );
    for (const name of ["web", "orders", "audit"])
      expect(failed[name]).toMatchObject({ state: "running", serving: true, pids: before[name]?.pids });
    expect(failed["payments"]?.pids.envoy).toBe(before["payments"]?.pids.envoy);
    expect(failed["orders"]?.dependencies.missing.join()).toMatch(/^payments-1 \(.*payments\.yaml\) is failed: /);
    fleet.setDown("payments", false);
    await fleet.ask("/services/payments-1/restart", "POST", { force: true });
    await fleet.ready();
    expect((await fleet.services())["orders"]?.dependencies.missing).toEqual([]);
  });

  it("leave in the reverse order, and a start with a failed dependency waits for it with the reason", async () => {
    const { mesh, fleet } = state();
    const from = Date.now();
    expect((await fleet.stop()).code).toBe(0);
    expect(at(fleet, "service.draining", "orders", from)).toBeGreaterThanOrEqual(at(fleet, "service.stopped", "web", from));
    expect(at(fleet, "service.draining", "payments", from)).toBeGreaterThanOrEqual(at(fleet, "service.stopped", "orders", from));
    expect(at(fleet, "service.draining", "audit", from)).toBeLessThan(at(fleet, "service.stopped", "orders", from));
    expect(await mesh.consul.get("/v1/health/service/orders")).toEqual([]);

    fleet.setDown("payments", true);
    await fleet.start();
    await fleet.ready("audit");
    const orders = await until(
      async (note) => {
        const now = (await fleet.services())["orders"];
        note(now);
        return now?.reason.includes("is failed") && now;
      },
      { what: "orders to say that payments has failed", limitMs },
    );
    expect(orders).toMatchObject({ state: "waiting", dependencies: { missing: [orders.reason] } });
    fleet.setDown("payments", false);
    await fleet.ask("/services/payments-1/restart", "POST", { force: true });
    await fleet.ready();
  });

  it("in a circle are refused at the start, with the files and the path", async () => {
    const { mesh } = state();
    const directory = join(mesh.sandbox.dir, "circle");
    mkdirSync(directory);
    for (const [name, needs] of [
      ["a", "b"],
      ["b", "a"],
    ] as const)
      writeFileSync(join(directory, `${name}.yaml`), `name: ${name}\nport: ${needs === "a" ? 1 : 2}\ndependencies: [${needs}]\n`);
    const child = spawn(process.execPath, [legationCommand, "agent", "--all", directory], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(2);
    expect(said).toContain(`${directory}/a.yaml: dependencies, ${directory}/b.yaml: dependencies: a → b → a is a cycle`);
    expect(said).toContain(`Make one optional, such as "b?" in ${directory}/a.yaml.`);
  });
});
