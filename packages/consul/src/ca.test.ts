import { afterEach, describe, expect, test } from "vitest";
import { type Consul, createConsul } from "./consul.js";
import { type ConsulServer, consulVersions, rotateRoot, startConsulServer } from "./testing/index.js";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function started(version: (typeof consulVersions)[number], config: Record<string, unknown>): Promise<[ConsulServer, Consul]> {
  const server = await startConsulServer({ version, config, durable: true });
  const consul = createConsul({ address: server.url });
  ends.push(async () => {
    consul.close();
    await server.stop();
  });
  return [server, consul];
}

describe.each(consulVersions)("the CA of Consul %s", (version) => {
  test("gives roots, and a leaf for a service that nobody has registered", { timeout: 60_000 }, async () => {
    const [, { ca }] = await started(version, { connect: { enabled: true } });
    const { data: roots, index } = await ca.roots();
    expect(index).toBeGreaterThan(0);
    const active = roots.Roots?.find(({ Active }) => Active);
    expect(active).toMatchObject({ ID: roots.ActiveRootID, RootCert: expect.stringContaining("BEGIN CERTIFICATE") });
    const { data: leaf } = await ca.leaf("orders");
    expect(leaf.ServiceURI).toBe(`spiffe://${roots.TrustDomain}/ns/default/dc/dc1/svc/orders`);
    expect(leaf.PrivateKeyPEM).toContain("PRIVATE KEY");
    expect((await ca.leaf("orders")).data.SerialNumber).toBe(leaf.SerialNumber);
  });

  test("answers a blocking query when the root has changed, and then lists both", { timeout: 60_000 }, async () => {
    const [server, consul] = await started(version, { connect: { enabled: true } });
    const { data: before, index } = await consul.ca.roots();
    const changed = consul.ca.roots({ index, waitMs: 30_000 });
    await rotateRoot(server.url);
    const { data: after } = await changed;
    expect(after.ActiveRootID).not.toBe(before.ActiveRootID);
    expect(after.Roots?.map(({ ID }) => ID).sort()).toEqual([before.ActiveRootID, after.ActiveRootID].sort());
  });

  test("says how to switch Connect on where it is off", { timeout: 60_000 }, async () => {
    const [, { ca }] = await started(version, { connect: { enabled: false } });
    for (const ask of [() => ca.roots(), () => ca.leaf("orders")])
      await expect(ask()).rejects.toMatchObject({
        code: "consul.no-connect",
        message: expect.stringContaining("connect { enabled = true }"),
      });
  });

  test("names the rule that a token lacks", { timeout: 60_000 }, async () => {
    const [, { ca }] = await started(version, { connect: { enabled: true }, acl: { enabled: true, default_policy: "deny" } });
    await expect(ca.leaf("orders")).rejects.toMatchObject({
      code: "consul.forbidden",
      message: expect.stringContaining('service "orders" { policy = "write" }'),
    });
  });
});
