/** A whole mesh whose control plane takes TLS alone, with ACLs that allow nothing by default: real agents and Envoys. */
import { readFile } from "node:fs/promises";
import { until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { consulVersions, limitMs, load, useMesh } from "./fixture.js";

describe.each(consulVersions)("with Consul %s", (version) => {
  const state = useMesh(
    { consul: { version, acl: true, config: { connect: { enabled: true } } }, controlPlane: { flags: ["--xds-plaintext", "off"] } },
    async ({ controlPlane, startService }) => {
      await until(async () => (await readFile(controlPlane.log, "utf8")).includes('"event":"tls.certificate"'), {
        what: "a certificate",
        limitMs,
      });
      const orders = await startService({ name: "orders" });
      const web = await startService({ name: "web", dependencies: ["orders"] });
      return { orders, web };
    },
  );

  it("serves Envoys and agents by mutual TLS, and carries requests", async () => {
    const { mesh, web, orders } = state();
    const requests = load(web, "orders", 50);
    for (const { envoy, log } of [web, orders]) {
      await until(
        async (note) => {
          const stats = await envoy.stats("^cluster\\.legation_xds\\.ssl\\.handshake$|^cluster\\.legation:xds\\.ssl\\.handshake$");
          note(stats);
          return Object.values(stats).some((handshakes) => handshakes > 0);
        },
        { what: "an Envoy to speak TLS with xDS", limitMs },
      );
      await until(async () => /"event":"channel.connected"[^\n]*"tls":true/.test(await readFile(log, "utf8")), {
        what: "an agent to report by mutual TLS",
        limitMs,
      });
    }
    const events = await readFile(mesh.controlPlane.log, "utf8");
    expect(events.split("\n").filter((line) => line.includes('"security.claim-refused"'))).toEqual([]);
    expect((await requests.stop()).failures).toEqual([]);
  });
});
