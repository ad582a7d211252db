import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { findEnvoy, openSandbox, type Sandbox, until } from "@legation/sandbox";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEnvoyAdmin, type EnvoyAdmin } from "./envoy-admin.js";

const endpoint = (port: number, weight: number, health: string) => ({
  endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  load_balancing_weight: weight,
  health_status: health,
});

describe("reading Envoy's admin API", () => {
  let sandbox: Sandbox;
  let envoy: EnvoyAdmin;
  beforeAll(async () => {
    sandbox = openSandbox({ name: "legation-envoy" });
    const port = await sandbox.ports.free();
    const bootstrap = {
      admin: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
      static_resources: {
        clusters: [
          {
            name: "orders",
            type: "STATIC",
            load_assignment: {
              cluster_name: "orders",
              endpoints: [{ lb_endpoints: [endpoint(3, 1, "DRAINING"), endpoint(1, 7, "HEALTHY"), endpoint(2, 1, "UNHEALTHY")] }],
            },
          },
        ],
      },
    };
    const file = join(sandbox.dir, "bootstrap.json");
    writeFileSync(file, JSON.stringify(bootstrap));
    const args = ["-c", file, "--disable-hot-restart", "--concurrency", "1"];
    const child = await sandbox.start({ name: "envoy", file: findEnvoy().path, args });
    envoy = createEnvoyAdmin(`127.0.0.1:${port}`);
    const live = until(
      (note) => {
        note(child.tail(3));
        return envoy.ready();
      },
      { what: "Envoy to be live", limitMs: 30_000 },
    );
    await live;
  });
  afterAll(async () => {
    await sandbox.stop();
  });

  it("tells each endpoint's address, weight and health, and whether it gets requests", async () => {
    expect((await envoy.clusters()).get("orders")).toEqual([
      { address: "127.0.0.1:1", health: "HEALTHY", weight: 7, ejected: false, usable: true },
      { address: "127.0.0.1:2", health: "UNHEALTHY", weight: 1, ejected: false, usable: false },
      { address: "127.0.0.1:3", health: "DRAINING", weight: 1, ejected: false, usable: false },
    ]);
  });

  it("tells counters by name and the updates in all", async () => {
    expect(await envoy.stats("^cluster\\.orders\\.membership_total$")).toEqual({ "cluster.orders.membership_total": 3 });
    expect(await envoy.updateCounters()).toMatchObject({ accepted: 0, rejected: 0 });
    expect(JSON.stringify(await envoy.configDump())).toContain("orders");
  });

  it("throws when nothing answers like Envoy", async () => {
    const other = createServer((_, response) => response.writeHead(500).end("no Envoy")).listen(0, "127.0.0.1");
    await once(other, "listening");
    await expect(createEnvoyAdmin(`127.0.0.1:${(other.address() as AddressInfo).port}`).clusters()).rejects.toThrow("500 no Envoy");
    other.close();
  });
});
