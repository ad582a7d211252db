import { createSign, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Consul, createConsul } from "./consul.js";
import { type ConsulServer, newestConsul, startConsulServer } from "./testing/consul-server.js";

const management = "11111111-2222-3333-4444-555555555555";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });

function jwtOf(service: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1_000);
  const head = `${part({ alg: "RS256", typ: "JWT" })}.${part({ sub: service, aud: "consul", iat: now, nbf: now - 60, exp: now + 3_600 })}`;
  return `${head}.${createSign("RSA-SHA256").update(head).sign(privateKey, "base64url")}`;
}

describe("a client's token", () => {
  let server: ConsulServer;
  let operator: Consul;
  let directory: string;
  const file = (name: string) => join(directory, name);
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "consul-login-"));
    server = await startConsulServer({
      version: newestConsul(),
      config: { acl: { enabled: true, default_policy: "deny", tokens: { initial_management: management } } },
    });
    operator = createConsul({ address: server.url, token: management });
    await operator.put("/acl/auth-method", {
      Name: "workloads",
      Type: "jwt",
      Config: {
        JWTValidationPubKeys: [publicKey.export({ type: "spki", format: "pem" })],
        BoundAudiences: ["consul"],
        ClaimMappings: { sub: "service" },
      },
    });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Consul's own placeholder.
    await operator.put("/acl/binding-rule", { AuthMethod: "workloads", BindType: "service", BindName: "${value.service}" });
  });
  afterAll(async () => {
    operator?.close();
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const register = (consul: Consul) => consul.agent.register({ ID: "orders-1", Name: "orders", Port: 1 });

  test("follows its file: a changed one counts with the next request", async () => {
    writeFileSync(file("token"), "99999999-2222-3333-4444-555555555555\n");
    const consul = createConsul({ address: server.url, tokenFile: file("token") });
    await expect(register(consul)).rejects.toMatchObject({ code: "consul.forbidden" });
    writeFileSync(file("token"), `${management}\n`);
    await register(consul);
    rmSync(file("token"));
    await register(consul);
    consul.close();
  });

  test("comes from a login, which is bound to what the bearer is", async () => {
    writeFileSync(file("jwt"), jwtOf("orders"));
    const consul = createConsul({ address: server.url, login: { method: "workloads", bearerTokenFile: file("jwt"), meta: { host: "a" } } });
    await Promise.all([register(consul), register(consul)]);
    await expect(consul.agent.register({ ID: "x", Name: "payments", Port: 1 })).rejects.toMatchObject({ code: "consul.forbidden" });
    const tokens = (await operator.get<{ AuthMethod?: string }[]>("/acl/tokens")).data.filter(
      ({ AuthMethod }) => AuthMethod === "workloads",
    );
    expect(tokens).toHaveLength(1);
    consul.close();
  });

  test("is fetched anew when Consul does not know it any more", async () => {
    writeFileSync(file("jwt"), jwtOf("orders"));
    let now = 0;
    const clock = { now: () => now, monotonic: () => now, sleep: async () => {}, timeout: () => ({ cancel() {} }) };
    const consul = createConsul({ address: server.url, login: { method: "workloads", bearerTokenFile: file("jwt") }, clock });
    await register(consul);
    const mine = (await operator.get<{ AuthMethod?: string; AccessorID: string }[]>("/acl/tokens")).data.filter((t) => t.AuthMethod);
    for (const { AccessorID } of mine) await operator.del(`/acl/token/${AccessorID}`);
    await expect
      .poll(
        async () => {
          now += 10_000;
          await register(consul);
          return (await operator.get<{ AuthMethod?: string; AccessorID: string }[]>("/acl/tokens")).data
            .filter((t) => t.AuthMethod)
            .some(({ AccessorID }) => mine.every((before) => before.AccessorID !== AccessorID));
        },
        { timeout: 20_000 },
      )
      .toBe(true);
    consul.close();
  });

  test("that cannot be had says what is wrong with the login", async () => {
    writeFileSync(file("jwt"), "no jwt");
    const consul = createConsul({ address: server.url, login: { method: "workloads", bearerTokenFile: file("jwt") } });
    await expect(register(consul)).rejects.toThrow(/auth method workloads takes no login with .*jwt/);
    const missing = createConsul({ address: server.url, login: { method: "workloads", bearerTokenFile: file("gone") } });
    await expect(register(missing)).rejects.toThrow(/the bearer token file .*gone cannot be read/);
    consul.close();
    missing.close();
  });
});
