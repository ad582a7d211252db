/** Policies in gRPC applications without an Envoy, `xds:///service`: what gRPC's own client follows of them, and what the status says it does not. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { legationCommand, until } from "@legation/local";
import { afterAll, describe, expect, it } from "vitest";
import { limitMs, useMesh } from "./fixture.js";
import { type Backend, type GrpcClient, startBackend, startGrpcClient, tally } from "./grpc-fixture.js";

/** The part of `GET /api/proxies` that is looked at. */
interface Proxies {
  readonly proxies: readonly {
    readonly node: string;
    readonly types: readonly {
      readonly sent: number;
      readonly acknowledged: number;
      readonly rejected: readonly unknown[];
    }[];
    readonly problems: readonly { readonly message: string }[];
    readonly calls: Readonly<Record<string, { readonly succeeded: number; readonly dropped: number }>>;
  }[];
}

const ids = ["orders-1", "orders-2", "orders-3"];

describe("a gRPC application without an Envoy", () => {
  const stops: (() => unknown)[] = [];
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });
  const state = useMesh({}, async (mesh) => {
    const orders: Backend[] = [];
    for (const id of ids) orders.push(await startBackend(mesh, "orders", id));
    stops.push(...orders.map((backend) => backend.stop));
    stops.push((await startBackend(mesh, "payments", "payments-1")).stop);
    const client = await startGrpcClient(mesh, ["orders"]);
    stops.push(client.stop);
    const check = { ID: "sick", ServiceID: "orders-3", Name: "sick", TTL: "10m", Status: "passing" };
    await fetch(`${mesh.consul.url}/v1/agent/check/register`, { method: "PUT", body: JSON.stringify(check) });
    // It asks for its resources with its first call.
    await client.call({ service: "orders", count: 1 });
    return { orders, client, policies: join(mesh.sandbox.makeDir("operator"), "policies.yaml") };
  });

  /** Puts these policies of `orders`, and these rules, into force and waits until the application has acknowledged what follows from them. */
  async function apply(fields: string, rules = "[{}]"): Promise<readonly string[]> {
    const { mesh, policies, client } = state();
    const before = await mesh.controlPlane.get<{ bundle: { version: number } | null }>("/api/policies");
    const route = `apiVersion: legation/v1\nkind: Route\nname: orders\nservice: orders\nrules: ${rules}\n`;
    writeFileSync(policies, `apiVersion: legation/v1\nkind: Service\nname: orders\n${fields}---\n${route}`);
    const args = ["policy", "apply", "-f", policies, "--api", mesh.controlPlane.api];
    await new Promise<void>((resolve, reject) => {
      execFile(process.execPath, [legationCommand, ...args], { timeout: limitMs }, (error, _, err) =>
        error ? reject(new Error(err)) : resolve(),
      );
    });
    return until(
      async (note) => {
        const now = await mesh.controlPlane.get<{ bundle: { version: number } | null }>("/api/policies");
        const { proxies } = await mesh.controlPlane.get<Proxies>("/api/proxies");
        const proxy = proxies.find(({ node }) => node === client.node);
        note({ now: now.bundle, proxy });
        if (!proxy || now.bundle?.version === before.bundle?.version) return undefined;
        const settled = proxy.types.every(({ sent, acknowledged, rejected }) => {
          expect(rejected).toEqual([]);
          return acknowledged === sent;
        });
        return settled ? proxy.problems.map(({ message }) => message) : undefined;
      },
      { what: "the application to acknowledge the policies", limitMs },
    );
  }

  const all = (client: GrpcClient, count = 30) => client.call({ service: "orders", count });
  const answering = async (client: GrpcClient) => Object.keys(tally(await all(client))).sort();
  const untilAllAnswer = (client: GrpcClient) =>
    until(async () => (await answering(client)).join() === ids.join(), { what: "all instances", limitMs });

  it("calls every instance in turn, and one that becomes critical no more", async () => {
    const { mesh, client } = state();
    await untilAllAnswer(client);
    const turns = tally(await all(client));
    for (const id of ids) expect(turns[id]).toBeGreaterThanOrEqual(9);
    await fetch(`${mesh.consul.url}/v1/agent/check/fail/sick`, { method: "PUT" });
    await until(async () => !("orders-3" in tally(await all(client))), { what: "orders-3 to be left alone", limitMs });
    await fetch(`${mesh.consul.url}/v1/agent/check/pass/sick`, { method: "PUT" });
    await until(async () => "orders-3" in tally(await all(client)), { what: "orders-3 to be called again", limitMs });
  });

  it("starts no call beyond the limit of requests under way: it fails at once", async () => {
    const { client, orders } = state();
    await apply("limits: { requests: 4 }\n");
    const arrived = () => orders.reduce((sum, one) => sum + one.calls(), 0);
    const before = arrived();
    const held = client.call({ service: "orders", method: "Hold", count: 4, atOnce: 4 });
    await until(() => arrived() === before + 4, { what: "four calls under way", limitMs });
    expect(tally(await client.call({ service: "orders", count: 6, atOnce: 6 }))).toEqual({ UNAVAILABLE: 6 });
    expect(arrived()).toBe(before + 4);
    for (const one of orders) one.release();
    expect((await held).filter(({ word }) => word !== undefined)).toHaveLength(4);
    expect(tally(await all(client))["UNAVAILABLE"]).toBeUndefined();
    await until(
      async (note) => {
        const { proxies } = await state().mesh.controlPlane.get<Proxies>("/api/proxies");
        const calls = proxies.find(({ node }) => node === client.node)?.calls["orders"];
        note(calls);
        return calls && calls.dropped > 0;
      },
      { what: "the application's report of the dropped calls", limitMs },
    );
  });

  it("repeats what failed with a code that retries.on names, at another instance, and nothing else", async () => {
    const { client, orders } = state();
    const [first] = orders as [Backend];
    await apply("retries: { on: [unavailable], attempts: 2 }\n");
    first.fail(status.UNAVAILABLE);
    const before = first.calls();
    expect(Object.keys(tally(await all(client))).sort()).toEqual(["orders-2", "orders-3"]);
    expect(first.calls()).toBeGreaterThan(before);
    first.fail(status.INTERNAL);
    expect(tally(await all(client))["INTERNAL"]).toBeGreaterThan(0);
    await apply("retries: { attempts: 2 }\n");
    first.fail(status.UNAVAILABLE);
    expect(tally(await all(client))["UNAVAILABLE"]).toBeGreaterThan(0);
    first.fail(undefined);
  });

  it("ends a call that takes longer than the longest stream, whatever its own deadline is", async () => {
    const { client, orders } = state();
    await apply("timeouts: { stream: 500ms }\n");
    const [answer] = await client.call({ service: "orders", method: "Hold", count: 1, deadlineMs: 60_000 });
    expect(answer?.code).toBe("DEADLINE_EXCEEDED");
    for (const one of orders) one.release();
  });

  it("goes by rules: by method and header, and by weight", async () => {
    const { client } = state();
    const toNew =
      "{ match: { grpc: { service: test.Word, method: Get }, headers: { x-beta: { regex: '1|yes' } } }, to: [{ service: payments }] }";
    const toNobody = "{ match: { headers: { x-old: { present: true } } }, to: [{ subset: nowhere }] }";
    await apply("limits: { requests: 4096 }\n", `[${toNew}, ${toNobody}, { to: [{ weight: 70 }, { service: payments, weight: 30 }] }]`);
    const beta = (value: string) => client.call({ service: "orders", count: 20, headers: { "x-beta": value } });
    await until(async () => tally(await beta("yes"))["payments-1"] === 20, { what: "calls with the header at payments", limitMs });
    expect(tally(await beta("yesterday"))["payments-1"] ?? 0).toBeLessThan(20);
    // To a subset that nobody has declared: the calls fail, and at once, and no others.
    expect(tally(await client.call({ service: "orders", count: 5, headers: { "x-old": "1" } }))).toEqual({ UNAVAILABLE: 5 });
    const count = 2_000;
    const share = (tally(await client.call({ service: "orders", count, atOnce: 20 }))["payments-1"] ?? 0) / count;
    // Outside five standard deviations, √(0.3 × 0.7 / 2000) each, less than once in a million runs (P = 5.7 × 10⁻⁷).
    expect(Math.abs(share - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / count));
  });

  it("puts in the faults of a rule", async () => {
    const { client } = state();
    const count = 1_000;
    await apply("limits: { requests: 4096 }\n", "[{ fault: { abort: { grpc: data-loss, share: 40% } } }]");
    const calls = () => client.call({ service: "orders", count, atOnce: 20 });
    await until(async () => (tally(await client.call({ service: "orders", count: 50 }))["DATA_LOSS"] ?? 0) > 0, {
      what: "a fault",
      limitMs,
    });
    const share = (tally(await calls())["DATA_LOSS"] ?? 0) / count;
    // Five standard deviations, as above.
    expect(Math.abs(share - 0.4)).toBeLessThan(5 * Math.sqrt((0.4 * 0.6) / count));
  });

  it("sends calls with one header to one instance, and most users keep theirs when another has gone", async () => {
    const { client, mesh } = state();
    await apply("balancing: { strategy: ring_hash, hashOn: [{ header: x-user }] }\n");
    const places = async () => {
      const found: Record<string, string> = {};
      for (let user = 0; user < 120; user++) {
        const answers = await client.call({ service: "orders", count: 2, headers: { "x-user": `user ${user}` } });
        found[user] = Object.keys(tally(answers)).sort().join("+");
      }
      return found;
    };
    const before = await until(
      async () => {
        const found = await places();
        return Object.values(found).every((place) => ids.includes(place)) && found;
      },
      { what: "one instance for each user", limitMs },
    );
    expect(new Set(Object.values(before)).size).toBe(3);
    await fetch(`${mesh.consul.url}/v1/agent/check/fail/sick`, { method: "PUT" });
    const after = await until(
      async () => {
        const found = await places();
        return !Object.values(found).some((place) => place.includes("orders-3")) && found;
      },
      { what: "orders-3 to be left alone", limitMs },
    );
    await fetch(`${mesh.consul.url}/v1/agent/check/pass/sick`, { method: "PUT" });
    const elsewhere = Object.keys(before).filter((user) => before[user] !== "orders-3");
    // Two instances share the ring's 1024 places that three had: a third of them is new, and half of these are the other one's, so that a
    // user moves with a chance of 1/6. That half of 60 or more do: less than e^(−60 × 0.294), once in 40 million runs.
    expect(elsewhere.filter((user) => after[user] === before[user]).length).toBeGreaterThan(elsewhere.length / 2);
  });

  it("leaves an instance alone whose share of failures is too large, and takes it back", async () => {
    const { client, orders } = state();
    const [first] = orders as [Backend];
    const detector = "failurePercentage: { threshold: 50%, requestVolume: 5, minimumHosts: 1 }";
    await apply(`circuitBreaker: { ${detector}, recoveryTimeout: 3s, interval: 500ms }\n`);
    await untilAllAnswer(client);
    first.fail(status.UNAVAILABLE);
    await until(async () => tally(await all(client))["UNAVAILABLE"] === undefined, { what: "orders-1 to be ejected", limitMs });
    first.fail(undefined);
    await until(async () => "orders-1" in tally(await all(client)), { what: "orders-1 to be called again", limitMs });
  });

  it("is named with each setting that its client does not follow", async () => {
    const problems = await apply("circuitBreaker: { failureThreshold: 2 }\nretries: { budget: 50% }\nlimits: { requests: 9 }\n");
    expect(problems).toEqual([
      expect.stringContaining("dependency orders: gRPC clients without an Envoy do not follow circuitBreaker.failureThreshold"),
      expect.stringContaining("dependency orders: gRPC clients without an Envoy do not follow retries.budgetPercent"),
    ]);
  });
});
