/** A resource that one Envoy refuses harms no other: not on that Envoy, not on any other, and there is no storm of retries. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEnvoyAdmin, findEnvoy, httpSender, startLoad, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { inboundOf, limitMs, untilUsable, useMesh } from "./fixture.js";

interface Proxy {
  readonly node: string;
  readonly types: readonly {
    readonly type: string;
    readonly lastRejection: { readonly message: string; readonly names: readonly string[] } | null;
  }[];
}

/** The bootstrap with another port for its admin interface, and another file for its ejections. */
function asTwin(bootstrap: string, port: number, ejections: string): string {
  const parsed = JSON.parse(bootstrap) as {
    admin: { address: { socketAddress: { portValue: number } } };
    clusterManager: { outlierDetection: { eventLogPath: string } };
  };
  parsed.admin.address.socketAddress.portValue = port;
  parsed.clusterManager.outlierDetection.eventLogPath = ejections;
  return JSON.stringify(parsed);
}

describe("an inbound listener that cannot be bound", () => {
  const state = useMesh({}, async (mesh) => {
    const orders = await mesh.startService({ name: "orders" });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    // A twin of web's Envoy without an agent, which would have refused: its inbound address is one that no machine has (RFC 5737).
    const [outbound, admin] = [await mesh.sandbox.ports.free(), await mesh.sandbox.ports.free()];
    const changed: readonly (readonly [string, string])[] = [
      ["web-1", "broken-1"],
      [inboundOf(web), "203.0.113.7:20000"],
      [web.outbound.replace("http://", ""), `127.0.0.1:${outbound}`],
    ];
    const text = changed.reduce(
      (json, [from, to]) => json.replaceAll(from, to),
      readFileSync(join(web.stateDir, "envoy-bootstrap.json"), "utf8"),
    );
    const directory = mesh.sandbox.makeDir("broken");
    const file = join(directory, "envoy.json");
    writeFileSync(file, asTwin(text, admin, join(directory, "ejections.log")));
    await mesh.sandbox.start({ name: "broken", file: findEnvoy().path, args: ["-c", file, "--disable-hot-restart", "--concurrency", "1"] });
    return { orders, web, broken: { envoy: createEnvoyAdmin(`127.0.0.1:${admin}`), outbound: `http://127.0.0.1:${outbound}` } };
  });

  it("is refused by that Envoy alone, with its reason, while its other resources and all other Envoys go on", async () => {
    const { mesh, orders, web, broken } = state();
    const rejection = await until(
      async (note) => {
        const { proxies } = await mesh.controlPlane.get<{ proxies: Proxy[] }>("/api/proxies");
        const proxy = proxies.find((p) => p.node.endsWith("/broken-1"));
        note(proxy);
        return proxy?.types.find((t) => t.type === "listener")?.lastRejection;
      },
      { what: "the refusal to be seen", limitMs },
    );
    expect(rejection.message).toMatch(/inbound/);
    expect(rejection.names).toContain("inbound");
    const traffic = startLoad({ sender: httpSender({ url: broken.outbound, headers: { host: "orders" } }), rate: 100 });
    const stretch = traffic.stretch();
    await until(() => stretch.report().succeeded >= 200, { what: "200 answers through the Envoy with the refused listener", limitMs });
    expect((await traffic.stop()).failed).toBe(0);
    const { proxies } = await mesh.controlPlane.get<{ proxies: Proxy[] }>("/api/proxies");
    for (const id of ["orders-1", "web-1"]) {
      const types = proxies.find((p) => p.node.endsWith(`/${id}`))?.types ?? [];
      expect(types.length).toBeGreaterThan(0);
      expect(types.filter((t) => t.lastRejection)).toEqual([]);
    }
    await untilUsable(web, "orders", [orders]);
    const refused = (await broken.envoy.updateCounters()).rejected;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(20);
  });
});
