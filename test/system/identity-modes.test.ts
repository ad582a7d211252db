/** From plain text to mutual TLS alone and back, on a mesh that runs: what is open in each mode, what callers use, and that no request fails. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { httpSender, type Mesh, openSandbox, type ServiceProcess, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { consulVersions, inboundOf, limitMs, load, rowOf, untilUsable, useMesh } from "./fixture.js";

const modes = ["off", "permissive", "strict"] as const;
type Mode = (typeof modes)[number];

/** Puts a mode into force for the whole mesh, by the policy files that its control planes read. */
function order(directory: string, mode: Mode): void {
  const policy = { apiVersion: "legation/v1", kind: "Identity", name: "mesh", mode };
  writeFileSync(join(directory, "identity.new"), JSON.stringify(policy));
  renameSync(join(directory, "identity.new"), join(directory, "identity.json"));
}

/** What plain HTTP gets at an address: a status, or "closed". */
async function plain(address: string): Promise<number | "closed"> {
  try {
    return (await fetch(`http://${address}/`, { headers: { connection: "close" }, signal: AbortSignal.timeout(5_000) })).status;
  } catch {
    return "closed";
  }
}

/** Waits until an instance's registration says this of TLS, and its Envoy answers plain text or not. */
async function untilStanding(mesh: Mesh, instance: ServiceProcess, tls: string | undefined, answer: 200 | "closed"): Promise<void> {
  await until(
    async (note) => {
      const row = await rowOf(mesh, instance.name, instance.id);
      const found = [row?.Service.Meta["legation-tls"], await plain(inboundOf(instance))] as const;
      note(found);
      return found[0] === tls && found[1] === answer;
    },
    { what: `${instance.id} to be registered with TLS ${tls ?? "unsaid"} and to answer plain text with ${answer}`, limitMs },
  );
}

/** TLS connections that a caller's Envoy has made to `orders` so far. */
async function handshakes(caller: ServiceProcess): Promise<number> {
  return (await caller.envoy.stats("^cluster\\.orders\\.ssl\\.handshake$"))["cluster.orders.ssl.handshake"] ?? 0;
}

/** More requests at once than a caller's Envoy has connections for. */
async function burst(caller: ServiceProcess): Promise<void> {
  const sender = httpSender({ url: `${caller.outbound}/`, headers: { host: "orders" } });
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => sender.send()));
  sender.close();
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
}

/** How often the listeners of these instances' Envoys were changed so far. */
async function listenerChanges(instances: readonly ServiceProcess[]): Promise<readonly Readonly<Record<string, number>>[]> {
  return await Promise.all(
    instances.map((instance) => instance.envoy.stats("^listener_manager\\.listener_(added|modified|in_place_updated|removed)$")),
  );
}

describe.each(consulVersions)("a mesh on Consul %s", (version) => {
  const sandbox = openSandbox();
  const policies = sandbox.makeDir("policies");
  order(policies, "off");
  const flags = ["--policies", policies];
  const state = useMesh({ sandbox, consul: { version }, controlPlane: { flags } }, async (mesh) => {
    const second = await startControlPlane(mesh.sandbox, { name: "control-plane-2", consul: mesh.consul.url, flags });
    const start = (name: string, id: string, controlPlanes: readonly Mesh["controlPlane"][], dependencies: readonly string[] = []) =>
      mesh.startService({ name, id, controlPlanes, dependencies });
    const orders = [
      await start("orders", "orders-1", [mesh.controlPlane, second]),
      await start("orders", "orders-2", [second, mesh.controlPlane]),
    ];
    const web = await start("web", "web-1", [mesh.controlPlane], ["orders"]);
    const admin = await start("admin", "admin-1", [second], ["orders"]);
    for (const caller of [web, admin]) await untilUsable(caller, "orders", orders);
    return { second, orders, web, admin };
  });

  it("goes from off over permissive to strict and back under load without a failed request", { timeout: 300_000 }, async () => {
    const { mesh, orders, web, admin } = state();
    const loads = [load(web, "orders", 50), load(admin, "orders", 50)];
    for (const instance of orders) await untilStanding(mesh, instance, undefined, 200);
    expect(await handshakes(web)).toBe(0);

    order(policies, "permissive");
    for (const instance of orders) await untilStanding(mesh, instance, "accepted", 200);
    for (const caller of [web, admin])
      await until(
        async () => {
          await burst(caller);
          return (await handshakes(caller)) > 0;
        },
        { what: `${caller.id} to make new connections by TLS`, limitMs },
      );

    order(policies, "strict");
    for (const instance of orders) await untilStanding(mesh, instance, "required", "closed");
    for (const instance of orders) {
      const row = await rowOf(mesh, "orders", instance.id);
      expect(`${row?.Service.Address}:${row?.Service.Port}`).toBe(inboundOf(instance));
    }

    order(policies, "off");
    for (const instance of orders) await untilStanding(mesh, instance, undefined, 200);
    order(policies, "strict");
    for (const instance of orders) await untilStanding(mesh, instance, "required", "closed");
    for (const report of await Promise.all(loads.map((one) => one.stop()))) {
      expect(report.due).toBeGreaterThan(20);
      expect(report.failuresByReason).toEqual({});
    }
  });

  it("starts instances under strict that never answer plain text, and control planes that leave strict listeners as they are", {
    timeout: 300_000,
  }, async () => {
    const { mesh, orders, web, second } = state();
    const late = await mesh.startService({ name: "orders", id: "orders-3" });
    await untilStanding(mesh, late, "required", "closed");
    await untilUsable(web, "orders", [...orders, late]);

    const requests = load(web, "orders", 50);
    const before = await listenerChanges(orders);
    for (const plane of [mesh.controlPlane, second]) await plane.restart();
    await until(async () => (await web.envoy.stats("^control_plane\\.connected_state$"))["control_plane.connected_state"] === 1, {
      what: "web's Envoy to have a control plane again",
      limitMs,
    });
    for (const instance of [...orders, late]) expect(await plain(inboundOf(instance))).toBe("closed");
    expect(await listenerChanges(orders)).toEqual(before);
    expect((await requests.stop()).failuresByReason).toEqual({});
  });
});
