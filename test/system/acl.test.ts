/** A mesh on a Consul with ACLs that allows nothing by default: every part works with the policy that is shipped for it, and with nothing less. */
import { execFile } from "node:child_process";
import { type Consul, createConsul } from "@legation/consul";
import { leavingPath } from "@legation/contract";
import { type AclPolicy, aclRules, legationCommand, type Mesh, until } from "@legation/local";
import { describe, expect, test, vi } from "vitest";
import { consulVersions, limitMs, load, untilUsable, useMesh } from "./fixture.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** The rules of a policy, one each. */
function rulesOf(policy: AclPolicy, service?: string): string[] {
  const lines = aclRules(policy, service)
    .split("\n")
    .filter((line) => !line.startsWith("#"));
  return lines
    .join("\n")
    .split(/(?<=^\})\n/m)
    .map((rule) => rule.trim())
    .filter((rule) => rule !== "");
}

/** What a part asks Consul for by one rule of its policy; rejects, or resolves to false, where the rule is missing. */
type Need = readonly [rule: string, needed: (consul: Consul) => Promise<boolean>];

const rows = async (consul: Consul, path: string): Promise<boolean> => (await consul.get<readonly unknown[]>(path)).data.length > 0;

const needs: Readonly<Record<"agent" | "control-plane", readonly Need[]>> = {
  agent: [
    ['service "probe"', (c) => c.agent.register({ ID: "probe-1", Name: "probe", Port: 9 }).then(() => true)],
    ['service "legation-control-plane"', (c) => rows(c, "/catalog/service/legation-control-plane")],
    ["node_prefix", (c) => rows(c, "/catalog/service/legation-control-plane")],
    ["agent_prefix", (c) => c.agent.self().then(() => true)],
  ],
  "control-plane": [
    ["service_prefix", (c) => rows(c, "/health/service/orders")],
    ["node_prefix", (c) => rows(c, "/health/service/orders")],
    [
      'service "legation-control-plane"',
      (c) => c.agent.register({ ID: "other", Name: "legation-control-plane", Port: 9 }).then(() => true),
    ],
    ["agent_prefix", (c) => c.agent.self().then(() => true)],
    ["key_prefix", (c) => c.kv.put("legation/policies/probe", "x")],
  ],
};

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly missing?: string;
  readonly services?: Readonly<Record<string, unknown>>;
  readonly entries?: readonly { readonly action: string; readonly outcome: string; readonly caller: { readonly name?: string } }[];
}

async function ask(mesh: Mesh, path: string, token?: string, method = "GET", body?: object): Promise<Answer> {
  const answer = await fetch(mesh.controlPlane.api + path, {
    method,
    headers: { ...(token ? { "x-consul-token": token } : {}), ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  return { ...(text.startsWith("{") ? (JSON.parse(text) as object) : {}), status: answer.status };
}

/** Runs the command; resolves to its exit code and all that it wrote. */
function legation(args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [legationCommand, ...args], { env: { PATH: process.env["PATH"] ?? "", ...env } }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, text: out + err }),
    );
  });
}

describe.each(consulVersions)("on Consul %s with ACLs and default deny", (version) => {
  const scene = useMesh({ consul: { version, acl: true } }, async (mesh) => {
    const orders = await mesh.startService({ name: "orders" });
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    const { acl } = mesh;
    if (!acl) throw new Error("the mesh has no ACLs");
    await untilUsable(web, "orders", [orders]);
    return { orders, web, acl };
  });

  test("calls are answered, agents report and listen, and every part has only its own token", async () => {
    const { mesh, web } = scene();
    const traffic = load(web, "orders", 50);
    await until(
      async (note) => {
        const health = await mesh.controlPlane.get<{ agents: { reporting: number; listening: number }; status: string }>("/health");
        note(health);
        return health.agents.reporting === 2 && health.agents.listening === 2 && health.status === "ok";
      },
      { what: "both agents to report and to listen", limitMs },
    );
    const report = await traffic.stop();
    expect(report.failures).toEqual([]);
    expect(report.succeeded).toBeGreaterThan(0);
  });

  test("an instance leaves with the acknowledgement of its callers, and no request is lost", async () => {
    const { mesh, web, orders } = scene();
    const second = await mesh.startService({ name: "orders", id: "orders-2" });
    await untilUsable(web, "orders", [orders, second]);
    const traffic = load(web, "orders", 100);
    const drained = await second.ask<{ steps?: readonly { outcome: string }[] }>("POST", "/v1/drain", { wait: true });
    expect(JSON.stringify(drained.body.steps)).toMatch(/subscribed prox(y|ies) .*acknowledged/);
    expect(await second.stop()).toBe(0);
    expect((await traffic.stop()).failures).toEqual([]);
  });

  test("each refusal names the rule, and nothing happens", async () => {
    const { mesh, acl, orders } = scene();
    const read = await acl.token("operator-read");
    const write = await acl.token("operator-write");
    const web = await acl.token("agent", "web");
    const nobody = await acl.custom("nobody", 'event "x" { policy = "read" }');
    const leaving = { node: mesh.consul.node, id: orders.id, service: "orders" };
    const release = "/api/services/orders/release";
    const made = "00000000-1111-4222-8333-444444444444";
    const wantsOrders = 'service "orders" { policy = "write" }';
    const wantsMesh = 'key "legation/mesh" { policy = "read" }';
    for (const [path, token, method, body, expected] of [
      ["/health", undefined, "GET", undefined, { status: 200 }],
      ["/services", undefined, "GET", undefined, { status: 401, code: "access.token-missing" }],
      ["/services", made, "GET", undefined, { status: 401, code: "access.token-unknown" }],
      ["/services/orders", nobody, "GET", undefined, { status: 403, missing: 'service "orders" { policy = "read" }' }],
      ["/metrics", undefined, "GET", undefined, { status: 401, missing: wantsMesh }],
      ["/metrics", web, "GET", undefined, { status: 403, missing: wantsMesh }],
      ["/metrics", read, "GET", undefined, { status: 200 }],
      [release, undefined, "POST", undefined, { status: 401, missing: wantsOrders }],
      [release, read, "POST", undefined, { status: 403, missing: wantsOrders }],
      [release, web, "POST", undefined, { status: 403, missing: wantsOrders }],
      [release, write, "POST", undefined, { status: 202 }],
      [leavingPath, undefined, "POST", leaving, { status: 401, missing: wantsOrders }],
      [leavingPath, web, "POST", leaving, { status: 403, missing: wantsOrders }],
      [leavingPath, web, "POST", { ...leaving, service: "web" }, { status: 403, code: "access.claim-refused" }],
      ["/api/audit", web, "GET", undefined, { status: 403, missing: wantsMesh }],
    ] as const)
      expect([method, path, await ask(mesh, path, token, method, body)]).toEqual([method, path, expect.objectContaining(expected)]);
    expect(Object.keys((await ask(mesh, "/services", web)).services ?? {}).sort()).toEqual(["web"]);
    expect(Object.keys((await ask(mesh, "/services", nobody)).services ?? {})).toEqual([]);
    expect(Object.keys((await ask(mesh, "/services", read)).services ?? {})).toEqual(expect.arrayContaining(["orders", "web"]));
    const { entries = [] } = await ask(mesh, "/api/audit", read);
    expect(entries).toContainEqual(
      expect.objectContaining({
        action: "POST /api/services/:name/release",
        outcome: "done",
        caller: expect.objectContaining({ name: "legation-operator-write" }),
      }),
    );
    expect(JSON.stringify(entries)).not.toContain(web);
  });

  test("a token that is taken back opens nothing a few seconds later", async () => {
    const { mesh, acl } = scene();
    const token = await acl.custom("short-lived", 'service_prefix "" { policy = "read" }');
    expect((await ask(mesh, "/services/orders", token)).status).toBe(200);
    await acl.revoke(token);
    await until(async () => (await ask(mesh, "/services/orders", token)).status === 401, { what: "the token to be refused", limitMs });
  });

  test("the commands show a token, and say what is missing", async () => {
    const { mesh, acl } = scene();
    const api = ["--api", mesh.controlPlane.api];
    const listed = await legation(["services", ...api, "--token-file", await acl.tokenFile("operator-read")], {});
    expect([listed.code, listed.text]).toEqual([0, expect.stringContaining("orders")]);
    const bare = await legation(["services", ...api], {});
    expect([bare.code, bare.text]).toEqual([5, expect.stringContaining("--token-file")]);
    const weak = await legation(["audit", ...api], { CONSUL_HTTP_TOKEN: await acl.token("agent", "web") });
    expect([weak.code, weak.text]).toEqual([5, expect.stringContaining('key "legation/mesh" { policy = "read" }')]);
  });

  test("a policy is set by who may write it, through the control plane alone", async () => {
    const { mesh, acl } = scene();
    const apply = (token: string | undefined, name: string, service: string | undefined = name) => {
      const identity = { apiVersion: "legation/v1", kind: "Identity", name, ...(service ? { service } : {}), mode: "off" };
      return ask(mesh, "/api/policies/apply", token, "POST", { documents: [identity], reason: "the least that is needed" });
    };
    const team = await acl.custom("team", 'key "legation/policies/Identity/orders" { policy = "write" }');
    const missing = (name: string) => `key "legation/policies/Identity/${name}" { policy = "write" }`;
    expect(await apply(undefined, "orders")).toMatchObject({ status: 401, missing: missing("orders") });
    expect(await apply(await acl.token("operator-read"), "orders")).toMatchObject({ status: 403, missing: missing("orders") });
    expect(await apply(team, "web")).toMatchObject({ status: 403, missing: missing("web") });
    expect(await apply(team, "orders", "web")).toMatchObject({ status: 403, missing: missing("web") });
    expect(await apply(team, "orders", "")).toMatchObject({ status: 403, missing: missing("") });
    expect(await apply(team, "orders")).toMatchObject({ status: 200 });
    const operator = await acl.token("operator-write");
    expect(await apply(operator, "web")).toMatchObject({ status: 200 });
    const direct = ["legation/policies/head", "legation/policies/canary", "legation/policies/blobs/x", "legation/policies/proposals/x"];
    for (const token of [team, operator])
      for (const key of direct)
        await expect(withConsul(mesh, token, (consul) => consul.kv.put(key, "x"))).rejects.toThrow("ermission denied");
  });

  test("a certificate comes with the rule to write the service, and not without", async () => {
    const { mesh, acl } = scene();
    const leaf = (consul: Consul) =>
      consul.get("/agent/connect/ca/leaf/probe").then(
        () => true,
        () => false,
      );
    const [service = "", ...rest] = rulesOf("agent", "probe");
    // In this order: a certificate that it holds, Consul 1.19 gives to everybody who reaches its agent.
    expect(await withConsul(mesh, await acl.custom("leaf-without", rest.join("\n")), leaf)).toBe(false);
    expect(await withConsul(mesh, await acl.custom("leaf-with", service), leaf)).toBe(true);
  });

  test.each(["agent", "control-plane"] as const)("each rule of the policy %s is needed, and all together are enough", async (policy) => {
    const { mesh, acl } = scene();
    const rules = rulesOf(policy, "probe");
    const may = (token: string, needed: Need[1]) => withConsul(mesh, token, (consul) => needed(consul).catch(() => false));
    const whole = await acl.custom(`whole-${policy}`, rules.join("\n"));
    for (const [rule, needed] of needs[policy]) expect([rule, await may(whole, needed)]).toEqual([rule, true]);
    for (const [i, left] of rules.entries()) {
      const token = await acl.custom(`${policy}-without-${i}`, rules.filter((rule) => rule !== left).join("\n"));
      const needing = needs[policy].filter(([rule]) => left.startsWith(rule));
      expect([left, needing.length]).not.toEqual([left, 0]);
      for (const [, needed] of needing) expect([left, await may(token, needed)]).toEqual([left, false]);
    }
    await withConsul(mesh, acl.management, async (consul) => {
      for (const id of ["probe-1", "other"]) await consul.agent.deregister(id).catch(() => undefined);
    });
  });

  test("without Consul, readers read on and an instance leaves with its callers' acknowledgement; nothing is changed", async () => {
    const { mesh, acl, web, orders } = scene();
    const write = await acl.token("operator-write");
    const second = await mesh.startService({ name: "orders", id: "orders-3" });
    await untilUsable(web, "orders", [orders, second]);
    expect((await ask(mesh, "/services/orders", write)).status).toBe(200);
    expect((await ask(mesh, "/api/services/orders/release", write, "POST")).status).toBe(202);
    await mesh.consul.kill9();
    await until(async () => (await ask(mesh, "/api/services/orders/release", write, "POST")).status === 503, {
      what: "changes to be refused",
      limitMs,
    });
    expect((await ask(mesh, "/services/orders", write)).status).toBe(200);
    expect((await ask(mesh, "/services/orders", await acl.token("operator-read"))).status).toBe(200);
    const traffic = load(web, "orders", 100);
    const drained = await second.ask<{ steps?: readonly { outcome: string }[] }>("POST", "/v1/drain", { wait: true });
    expect(JSON.stringify(drained.body.steps)).toMatch(/subscribed prox(y|ies) .*acknowledged/);
    expect((await traffic.stop()).failures).toEqual([]);
  });
});

async function withConsul<T>(mesh: Mesh, token: string, use: (consul: Consul) => Promise<T>): Promise<T> {
  const consul = createConsul({ address: mesh.consul.url, token });
  try {
    return await use(consul);
  } finally {
    consul.close();
  }
}
