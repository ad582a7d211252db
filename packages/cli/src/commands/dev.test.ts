import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Addresses, showAddresses } from "../dev/addresses.js";
import { readServices } from "../dev/service-file.js";
import { paper } from "../screen.js";
import { call } from "../testing/capture.js";

const dir = mkdtempSync(join(tmpdir(), "legation-dev-command-"));
const sample = join(dir, "sample");
afterAll(() => rmSync(dir, { recursive: true }));

describe("legation dev", () => {
  it("writes a sample that it can read, once", async () => {
    const { code, out } = await call(["dev", "--sample", sample]);
    expect([code, out]).toEqual([0, `Written. To run them:\n  legation dev ${join(sample, "orders.yaml")} ${join(sample, "web.yaml")}\n`]);
    const [orders, web] = readServices([join(sample, "orders.yaml"), join(sample, "web.yaml")]);
    expect(orders).toMatchObject({ label: "orders", id: "orders-1", isDirectory: false, files: [{ service: "orders", port: 4281 }] });
    expect(web).toMatchObject({ files: [{ dependencies: ["orders"], hasEnvoy: true, decides: { host: false, inbound: false } }] });
    expect(readFileSync(join(sample, "service.mjs"), "utf8")).toContain("LEGATION_OUTBOUND");
    expect(await call(["dev", "--sample", sample])).toMatchObject({
      code: 1,
      err: expect.stringContaining("Name a directory without these files"),
    });
  });

  it("takes a directory for one agent with many services, and tells two instances of one service apart", () => {
    const file = join(sample, "orders.yaml");
    const [all, first, second] = readServices([sample, file, file]);
    expect(all).toMatchObject({ label: "sample", isDirectory: true, files: [{ service: "orders" }, { service: "web" }] });
    expect([first?.label, second?.label, first?.id, second?.id]).toEqual(["orders", "orders-2", "orders-1", "orders-2"]);
  });

  it("says everything that is wrong before it starts anything", async () => {
    const wrong = join(dir, "wrong.yaml");
    writeFileSync(wrong, "name: Orders\nprot: 1\n");
    const empty = join(dir, "empty");
    mkdirSync(empty);
    const { code, err } = await call(["dev", wrong, empty, join(dir, "absent.yaml")]);
    expect(code).toBe(2);
    expect(err).toContain(`${wrong}:2: prot: there is no such key. Did you mean port?`);
    expect(err).toContain(`${empty}: there is no *.yaml in it.`);
    expect(err).toContain(`${join(dir, "absent.yaml")}: ENOENT`);
    expect(await call(["dev"])).toMatchObject({ code: 2, err: expect.stringContaining("legation dev --sample DIRECTORY") });
  });

  it("shows where everything is, with a line to call each service by, and what does not serve", () => {
    const service = { id: "web-1", service: "web", direct: "http://127.0.0.1:1", mesh: "http://127.0.0.1:2", host: "web", agent: "" };
    const addresses: Addresses = {
      consul: "http://127.0.0.1:8500",
      ui: null,
      api: "http://127.0.0.1:8080",
      xds: "127.0.0.1:18000",
      services: [service, { ...service, id: "orders", service: "orders", mesh: null, host: null }],
      waiting: ["/x/slow.yaml"],
    };
    const text = showAddresses(addresses, paper);
    expect(text).toContain("web      curl -H 'Host: web' http://127.0.0.1:2/\n");
    expect(text).toContain("orders   curl http://127.0.0.1:1/\n");
    expect(text).toContain("CALL IT THROUGH THE MESH");
    const plain = {
      ...addresses,
      services: [
        { ...service, mesh: null, host: null },
        { ...service, service: "db", direct: "tcp://127.0.0.1:3" },
      ],
    };
    const direct = showAddresses(plain, paper);
    expect(direct).toMatch(/^SERVICE {2}CALL IT\nweb +curl http:\/\/127\.0\.0\.1:1\/\n\n/m);
    expect(text).toMatch(/^orders +http:\/\/127\.0\.0\.1:1$/m);
    expect(text).toContain("/x/slow.yaml: it does not serve yet");
    expect(text).toContain("export LEGATION_API=http://127.0.0.1:8080");
  });
});
