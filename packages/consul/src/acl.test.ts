import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Consul, createConsul } from "./index.js";
import { type ConsulServer, consulVersions, startConsulServer } from "./testing/index.js";

const management = "11111111-1111-4111-8111-111111111111";

describe.each(consulVersions)("Consul %s with ACLs and default deny", (version) => {
  let server: ConsulServer;
  let consul: Consul;
  let token: string;
  beforeAll(async () => {
    const master = version === "1.8.7" ? "master" : "initial_management";
    server = await startConsulServer({
      version,
      config: { acl: { enabled: true, default_policy: "deny", tokens: { [master]: management } } },
    });
    consul = createConsul({ address: server.url });
    const rules = 'service "orders" { policy = "write" } service_prefix "" { policy = "read" } service "secret" { policy = "deny" }';
    const asAdmin = { token: management };
    await vi.waitFor(() => consul.put("/acl/policy", { Name: "p", Rules: rules }, asAdmin), { timeout: 30_000 });
    const made = await consul.put<{ SecretID: string }>("/acl/token", { Description: "operator", Policies: [{ Name: "p" }] }, asAdmin);
    token = made.SecretID;
  });
  afterAll(async () => {
    consul?.close();
    await server?.stop();
  });

  test("decides on each rule by the token that is asked about", async () => {
    const rules = [
      { resource: "service", name: "orders", access: "write" },
      { resource: "service", name: "web", access: "write" },
      { resource: "service", name: "web", access: "read" },
      { resource: "service", name: "secret", access: "read" },
      { resource: "key", name: "legation/mesh", access: "read" },
    ] as const;
    expect(await consul.acl.authorize(token, rules)).toEqual({ kind: "decided", allowed: [true, false, true, false, false] });
    expect(await consul.acl.authorize(management, rules)).toEqual({ kind: "decided", allowed: [true, true, true, true, true] });
    expect(await consul.acl.authorize(undefined, rules)).toEqual({ kind: "decided", allowed: [false, false, false, false, false] });
    expect(await consul.acl.authorize("22222222-2222-4222-8222-222222222222", rules)).toEqual({ kind: "unknown" });
  });

  test("says whose token it is, and not the secret", async () => {
    const self = await consul.acl.self(token);
    expect(self).toEqual({ AccessorID: expect.stringMatching(/^[0-9a-f-]{36}$/), Description: "operator", policies: ["p"], roles: [] });
    expect(await consul.acl.self("22222222-2222-4222-8222-222222222222")).toBeUndefined();
  });
});

test.each(consulVersions)("Consul %s without ACLs says that it has none", async (version) => {
  const server = await startConsulServer({ version });
  const consul = createConsul({ address: server.url });
  try {
    expect(await consul.acl.authorize("x", [{ resource: "operator", access: "read" }])).toEqual({ kind: "disabled" });
  } finally {
    consul.close();
    await server.stop();
  }
});
