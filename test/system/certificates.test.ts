/** Certificates of Consul's CA reach every Envoy, which speaks with its control plane by them, and change under load without a lost request. */
import { rotateRoot } from "@legation/consul/testing";
import { type ServiceProcess, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { consulVersions, load, untilUsable, useMesh } from "./fixture.js";

interface Identity {
  readonly phase: string;
  readonly serial?: string;
  readonly root?: string;
  readonly directory?: string;
}

const identityOf = async (instance: ServiceProcess): Promise<Identity> => {
  const { body } = await instance.ask<{ identity: Identity }>("GET", "/v1/status");
  return body.identity;
};

/** TLS handshakes of an Envoy with its control plane. */
const handshakes = async (instance: ServiceProcess): Promise<number> =>
  Object.entries(await instance.envoy.stats("legation.xds.ssl.handshake")).reduce((sum, [, value]) => sum + value, 0);

describe.each(consulVersions)("certificates from Consul %s", (version) => {
  const state = useMesh({ consul: { version } }, async (mesh) => {
    const orders = await mesh.startService({ name: "orders" });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    await untilUsable(web, "orders", [orders]);
    return { orders, web };
  });

  it("each instance has its own, and its Envoy is known to the control plane by it", async () => {
    const { orders, web } = state();
    const [one, two] = await Promise.all([identityOf(orders), identityOf(web)]);
    expect([one.phase, two.phase]).toEqual(["valid", "valid"]);
    expect(one.directory).not.toBe(two.directory);
    for (const instance of [orders, web])
      await until(async () => (await handshakes(instance)) > 0, { what: `${instance.id}'s Envoy to come by TLS`, limitMs: 120_000 });
  });

  it("a new root and new leaves lose not one request, and restart no Envoy", async () => {
    const { mesh, orders, web } = state();
    const before = await Promise.all(
      [orders, web].map(async (instance) => ({ envoy: (await instance.pids()).envoy, identity: await identityOf(instance) })),
    );
    const running = load(web, "orders", 100);
    await rotateRoot(mesh.consul.url);
    for (const [i, instance] of [orders, web].entries())
      await until(async () => (await identityOf(instance)).root !== before[i]?.identity.root, {
        what: `${instance.id}'s leaf of the new root`,
        limitMs: 120_000,
      });
    const report = await running.stop();
    expect(report.failuresByReason).toEqual({});
    expect(report.succeeded).toBe(report.due);
    expect((await orders.pids()).envoy).toBe(before[0]?.envoy);
    expect((await web.pids()).envoy).toBe(before[1]?.envoy);
  });
});
