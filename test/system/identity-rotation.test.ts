/** In a mesh that speaks mutual TLS alone, leaves and roots change under load, with a new connection all the time: no request fails, no Envoy restarts. */
import { rotateRoot } from "@legation/consul/testing";
import { type Mesh, type ServiceProcess, until } from "@legation/local";
import { programOf } from "@legation/prove/services";
import { describe, expect, it } from "vitest";
import { consulVersions, limitMs, untilUsable, useMesh } from "./fixture.js";
import { mixedLoad, setMode, untilMode, withPolicies } from "./identity-fixture.js";

/** So short that leaves are renewed within a minute; Consul takes less than an hour only without its own checks. */
const shortLives = { leaf_cert_ttl: "90s", SkipValidate: true };

const rate = 20;

interface Certificate {
  readonly phase: string;
  readonly serial: string;
  readonly root: string;
}

const certificateOf = async (instance: ServiceProcess): Promise<Certificate> =>
  (await instance.ask<{ identity: Certificate }>("GET", "/v1/status")).body.identity;

/** Waits until each instance has another certificate than before, in what `field` says. */
async function untilAnother(instances: readonly ServiceProcess[], before: readonly Certificate[], field: "serial" | "root"): Promise<void> {
  for (const [at, instance] of instances.entries())
    await until(
      async (note) => {
        const now = await certificateOf(instance);
        note(now);
        return now.phase === "valid" && now[field] !== before[at]?.[field];
      },
      { what: `${instance.id} to have a certificate of another ${field}`, limitMs: 3 * limitMs },
    );
}

/** TLS connections that a caller's Envoy has made to a service. */
async function handshakes(caller: ServiceProcess, service: string): Promise<number> {
  return (await caller.envoy.stats(`^cluster\\.${service}\\.ssl\\.handshake$`))[`cluster.${service}.ssl.handshake`] ?? 0;
}

/** Waits until the caller's Envoy has made so many more connections to `orders`. */
async function untilConnectedAnew(caller: ServiceProcess): Promise<void> {
  const before = await handshakes(caller, "orders");
  await until(async () => (await handshakes(caller, "orders")) > before + rate, { what: "new connections to orders", limitMs });
}

describe.each(consulVersions)("a strict mesh on Consul %s", (version) => {
  const state = useMesh(
    () => withPolicies({ consul: { version, config: { connect: { enabled: true, ca_config: shortLives } } } }),
    async (mesh: Mesh) => {
      setMode(mesh, "strict");
      const start = (name: "orders" | "prices", protocol: string, at: number) =>
        mesh.startService({
          ...{ name, id: `${name}-${at}`, command: [process.execPath, programOf(name)] },
          config: { protocol, health: { interval: "1s", failureThreshold: 3, recoveryThreshold: 1 }, envoy: { concurrency: 1 } },
        });
      const orders = await Promise.all([1, 2].map((at) => start("orders", "http", at)));
      const prices = await Promise.all([1, 2].map((at) => start("prices", "grpc", at)));
      const web = await mesh.startService({ name: "web", dependencies: ["orders", "prices"] });
      await untilUsable(web, "orders", orders);
      await untilUsable(web, "prices", prices);
      const all = [...orders, ...prices, web];
      await untilMode(all, "strict");
      return { orders, web, all };
    },
  );

  it("renews leaves and replaces the root, twice, without a failed request or a new Envoy", { timeout: 600_000 }, async () => {
    const { mesh, orders, web, all } = state();
    const envoys = async () => await Promise.all(all.map(async (instance) => (await instance.pids()).envoy));
    const before = await envoys();
    // An Envoy whose health check fails closes each HTTP/1.1 connection behind its answer, so that the next request needs a new one.
    for (const { envoy } of orders) expect((await fetch(`${envoy.url}/healthcheck/fail`, { method: "POST" })).ok).toBe(true);
    const requests = mixedLoad(web, rate);
    const certificates = () => Promise.all(all.map(certificateOf));

    await untilAnother(all, await certificates(), "serial");
    await untilConnectedAnew(web);
    for (let turn = 0; turn < 2; turn++) {
      const old = await certificates();
      await rotateRoot(mesh.consul.url);
      await untilAnother(all, old, "root");
      await untilConnectedAnew(web);
    }

    const { failures, streams, byKind } = await requests.stop();
    expect(failures).toEqual({});
    expect(streams.broken).toEqual([]);
    for (const { succeeded } of Object.values(byKind)) expect(succeeded).toBeGreaterThan(100);
    expect(await envoys()).toEqual(before);
    expect(new Set((await certificates()).map(({ root }) => root)).size).toBe(1);
  });
});
