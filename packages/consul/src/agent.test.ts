import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Consul, createConsul } from "./consul.js";
import { type ConsulServer, consulVersions, startConsulServer } from "./testing/index.js";

const master = "b1a5d7a0-0000-4000-8000-000000000001";

describe.each(consulVersions)("Consul %s", (version) => {
  let server: ConsulServer;
  let consul: Consul;
  let limited: Consul;
  beforeAll(async () => {
    const tokens = version === "1.8.7" ? { master } : { initial_management: master };
    server = await startConsulServer({ version, config: { acl: { enabled: true, default_policy: "deny", tokens } } });
    consul = createConsul({ address: server.url, token: master });
    await consul.put("/acl/policy", { Name: "other", Rules: 'service "other" { policy = "write" }' });
    const { SecretID } = await consul.put<{ SecretID: string }>("/acl/token", { Policies: [{ Name: "other" }] });
    limited = createConsul({ address: server.url, token: SecretID });
  }, 60_000);
  afterAll(async () => {
    consul?.close();
    limited?.close();
    await server?.stop();
  });

  const web = {
    ID: "web/1",
    Name: "web",
    Address: "10.0.0.1",
    Port: 80,
    Tags: ["a b"],
    Meta: { protocol: "http" },
    Weights: { Passing: 7, Warning: 2 },
    TaggedAddresses: { mesh: { Address: "10.0.0.1", Port: 20_000 } },
    Checks: [{ CheckID: "web/1-ttl", Name: "heartbeat", TTL: "60s", Status: "critical" as const }],
  };

  test("registers with weights and a tagged address, updates its check, is maintained, and goes", async () => {
    await consul.agent.register(web);
    expect(await consul.agent.service("web/1")).toMatchObject({
      Service: "web",
      Port: 80,
      Weights: { Passing: 7, Warning: 2 },
      TaggedAddresses: { mesh: { Address: "10.0.0.1", Port: 20_000 } },
    });
    await consul.agent.checkUpdate("web/1-ttl", "warning", "slow & tired");
    expect((await consul.agent.checks())["web/1-ttl"]).toMatchObject({ Status: "warning", Output: "slow & tired", ServiceID: "web/1" });
    await consul.agent.maintenance("web/1", true, "legation:draining");
    expect((await consul.agent.checks())["_service_maintenance:web/1"]).toMatchObject({ Status: "critical", Notes: "legation:draining" });
    await consul.agent.maintenance("web/1", false);
    expect(Object.keys(await consul.agent.checks())).not.toContain("_service_maintenance:web/1");
    expect(Object.keys(await consul.agent.services())).toEqual(["web/1"]);
    await consul.agent.deregister("web/1");
    expect(await consul.agent.service("web/1")).toBeUndefined();
  });

  test("a check that a new registration leaves out is gone", async () => {
    await consul.agent.register(web);
    await consul.agent.register({ ...web, Checks: [{ CheckID: "other", Name: "other", TTL: "60s" }] });
    expect(Object.keys(await consul.agent.checks())).toEqual(["other"]);
    await consul.agent.deregister("web/1");
  });

  test("what it does not know is not-found, in the words of either version", async () => {
    for (const call of [
      () => consul.agent.checkUpdate("nix", "passing", ""),
      () => consul.agent.deregister("nix"),
      () => consul.agent.maintenance("nix", true, "x"),
    ])
      await expect(call()).rejects.toMatchObject({ code: "consul.not-found" });
  });

  test("a token without the rule is told which one to add", async () => {
    await expect(limited.agent.register(web)).rejects.toMatchObject({
      code: "consul.forbidden",
      message: expect.stringContaining('Add to its policy: service "web" { policy = "write" }'),
    });
    await expect(limited.agent.self()).rejects.toMatchObject({
      code: "consul.forbidden",
      message: expect.stringContaining('policy = "read"'),
    });
    await expect(limited.kv.put("a/b", "x")).rejects.toMatchObject({ message: expect.stringContaining('key "a/b" { policy = "write" }') });
    const stranger = createConsul({ address: server.url, token: "nope" });
    await expect(stranger.get("/catalog/services")).rejects.toMatchObject({ message: expect.stringContaining("does not know this token") });
    stranger.close();
  });

  test("knows its node and version", async () => {
    expect((await consul.agent.self()).Config).toMatchObject({ NodeName: "test-server", Datacenter: "dc1" });
  });

  test("stores bytes under keys, with check-and-set", async () => {
    const key = "legation/a b/ü";
    expect(await consul.kv.get(key)).toBeUndefined();
    expect(await consul.kv.list("legation/")).toEqual([]);
    expect(await consul.kv.put(key, Uint8Array.of(0, 255, 10), { cas: 0 })).toBe(true);
    expect(await consul.kv.put(key, "again", { cas: 0 })).toBe(false);
    const entry = await consul.kv.get(key);
    expect([entry?.key, ...(entry?.value ?? [])]).toEqual([key, 0, 255, 10]);
    expect(await consul.kv.put(key, "again", { cas: entry?.modifyIndex ?? 0 })).toBe(true);
    expect((await consul.kv.list("legation/")).map((e) => Buffer.from(e.value).toString())).toEqual(["again"]);
    expect(await consul.kv.delete(key, { cas: 1 })).toBe(false);
    expect(await consul.kv.delete(key)).toBe(true);
  });
});
