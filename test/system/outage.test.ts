/** Without Consul or without a control plane nothing changes for traffic; when they are back, nothing is sent that Envoy has. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Mesh, type ServiceProcess, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { consulVersions, limitMs, load, passing, untilUsable, useMesh } from "./fixture.js";

async function accepted(instances: readonly ServiceProcess[]): Promise<number> {
  const counters = await Promise.all(instances.map((i) => i.envoy.updateCounters()));
  return counters.reduce((sum, c) => sum + c.accepted, 0);
}

/** Sets or ends Consul's maintenance of an instance. */
async function maintain(mesh: Mesh, id: string, enable: boolean): Promise<void> {
  const answer = await fetch(`${mesh.consul.url}/v1/agent/service/maintenance/${id}?enable=${enable}`, { method: "PUT" });
  if (!answer.ok) throw new Error(`maintenance of ${id}: ${answer.status} ${await answer.text()}`);
}

/** Waits until a restart would know that this many instances have passed their checks: one that never did is left out, not drained. */
async function untilSavedAsPassed(stateDir: string, service: string, count: number): Promise<void> {
  await until(
    async () => {
      const saved = await readFile(join(stateDir, "catalog.json"), "utf8").catch(() => '{"services":[]}');
      const { services } = JSON.parse(saved) as { services: { name: string; instances: { everPassed: boolean }[] }[] };
      const found = services.find(({ name }) => name === service)?.instances ?? [];
      return found.filter(({ everPassed }) => everPassed).length === count;
    },
    { what: `${count} instances of ${service} to be on disk`, limitMs },
  );
}

describe.each(consulVersions)("on Consul %s", (version) => {
  const state = useMesh({ consul: { version, durable: true } }, async (mesh) => {
    const orders = [await mesh.startService({ name: "orders" }), await mesh.startService({ name: "orders", id: "orders-2" })];
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    await untilUsable(web, "orders", orders);
    return { orders, web };
  });

  it("a control plane killed right after a change sends connected Envoys nothing anew, nor takes the change back", async () => {
    const { mesh, orders, web } = state();
    const [stays] = orders;
    const all = [...orders, web];
    const traffic = load(web, "orders");
    await untilSavedAsPassed(mesh.controlPlane.stateDir, "orders", orders.length);
    await maintain(mesh, "orders-2", true);
    await untilUsable(web, "orders", stays ? [stays] : []);
    await mesh.controlPlane.kill9();
    const before = await accepted(all);
    await mesh.controlPlane.restart();
    await until(
      async () => {
        const { proxies } = await mesh.controlPlane.get<{ proxies: { ready: boolean }[] }>("/api/proxies");
        return proxies.filter(({ ready }) => ready).length === all.length;
      },
      { what: "all Envoys to be connected again, and served", limitMs },
    );
    await until(async () => (await mesh.controlPlane.get<{ consul: { complete: boolean } }>("/health")).consul.complete, {
      what: "a complete read of Consul",
      limitMs,
    });
    expect((await mesh.controlPlane.get<{ resourcesSent: number }>("/api/proxies")).resourcesSent).toBe(0);
    expect(await accepted(all)).toBe(before);
    await maintain(mesh, "orders-2", false);
    await untilUsable(web, "orders", orders);
    expect((await traffic.stop()).failuresByReason).toEqual({});
  });

  it("traffic goes on while Consul is down, and again when it is back with its data", async () => {
    const { mesh, orders, web } = state();
    const traffic = load(web, "orders");
    await mesh.consul.stop();
    const down = traffic.stretch();
    await until(() => down.report().succeeded >= 300, { what: "300 answers without Consul", limitMs });
    await untilUsable(web, "orders", orders);
    await mesh.consul.restart({ keepData: true });
    await until(() => passing(mesh, "orders", "orders-1"), { what: "orders-1 to pass", limitMs });
    await untilUsable(web, "orders", orders);
    expect((await traffic.stop()).failuresByReason).toEqual({});
  });

  it("a Consul that comes back empty takes no endpoint away while the agents register again", async () => {
    const { mesh, orders, web } = state();
    const traffic = load(web, "orders");
    await mesh.consul.restart({ keepData: false });
    for (const id of ["orders-1", "orders-2"])
      await until(() => passing(mesh, "orders", id), { what: `${id} to be registered again`, limitMs });
    await untilUsable(web, "orders", orders);
    expect((await traffic.stop()).failuresByReason).toEqual({});
  });

  it("a control plane that starts without Consul serves the last good state and says how old it is", async () => {
    const { mesh, orders, web } = state();
    const traffic = load(web, "orders");
    await mesh.consul.stop();
    await mesh.controlPlane.restart();
    const health = await mesh.controlPlane.get<{ consul: { complete: boolean; connected: boolean } }>("/health");
    expect(health.consul).toMatchObject({ connected: false });
    const services = await mesh.controlPlane.get<{ services: Record<string, unknown> }>("/services");
    expect(Object.keys(services.services)).toEqual(expect.arrayContaining(["orders", "web"]));
    await mesh.consul.restart({ keepData: true });
    await until(async () => (await mesh.controlPlane.get<{ consul: { connected: boolean } }>("/health")).consul.connected, {
      what: "Consul to be read again",
      limitMs,
    });
    await untilUsable(web, "orders", orders);
    expect((await traffic.stop()).failuresByReason).toEqual({});
  });
});

describe("an Envoy before its service", () => {
  const state = useMesh({}, async (mesh) => {
    const slow = await mesh.startService({
      name: "slow",
      waitReady: false,
      config: { command: [process.execPath, "-e", "setInterval(() => {}, 1000)"] },
    });
    return { slow };
  });

  it("has its listeners while its service is not registered yet, and its service is kept out of traffic until it passes", async () => {
    const { mesh, slow } = state();
    await until(
      async () => {
        const stats = await slow.envoy.stats("listener_manager.total_listeners_active");
        return (stats["listener_manager.total_listeners_active"] ?? 0) >= 2;
      },
      { what: "inbound and outbound listeners", limitMs },
    );
    expect(await passing(mesh, "slow", "slow-1")).toBe(false);
    const answer = await fetch(`${slow.outbound}/`, { headers: { host: "nobody" } }).catch(() => undefined);
    expect(answer?.status).toBe(502);
  });
});
