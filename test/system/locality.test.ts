/** Where requests go by region and zone, in a mesh whose agents say where they are: measured shares, and the proof of leaving across regions. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Mesh, openSandbox, type ServiceProcess, until } from "@legation/local";
import { afterAll, describe, expect, it } from "vitest";
import { limitMs, load, useMesh } from "./fixture.js";

const place = (region: string, zone: string) => ({ region, zone });
const head = (name: string) => `apiVersion: legation/v1\nkind: Service\nname: ${name}\n`;
const balanced = "balancing: { strategy: round_robin, slowStart: 0s }\n";
const servers: Server[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 32 });
afterAll(() => {
  agent.destroy();
  for (const server of servers) server.close().closeAllConnections();
});

/** An application that answers with its name, registered by others than an agent. */
async function application(mesh: Mesh, service: string, id: string, meta: Record<string, string>) {
  const server = createServer((_, response) => response.end(id));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const put = async (path: string, body?: unknown) => {
    const answer = await fetch(`${mesh.consul.url}/v1/agent${path}`, { method: "PUT", ...(body ? { body: JSON.stringify(body) } : {}) });
    if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  };
  const Check = { CheckID: `${id}-check`, TTL: "1h", Status: "passing" };
  await put("/service/register", { ID: id, Name: service, Address: "127.0.0.1", Port: port, Meta: meta, Check });
  return { id, port, set: (verdict: "pass" | "fail") => put(`/check/${verdict}/${id}-check`) };
}

function ask({ outbound }: ServiceProcess, host: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(outbound, { agent, headers: { host } }, (answer) => {
      let body = "";
      answer.on("data", (chunk) => {
        body += String(chunk);
      });
      answer.on("end", () => resolve(answer.statusCode === 200 ? body : String(answer.statusCode)));
    });
    sent.on("error", (error) => resolve(error.message));
    sent.end();
  });
}

/** How many of `n` requests each answered. */
async function count(from: ServiceProcess, host: string, n: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let left = n;
  const worker = async () => {
    while (left-- > 0) {
      const name = await ask(from, host);
      counts[name] = (counts[name] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return counts;
}

/** Hoeffding: n independent choices are further from their mean in fewer than 2·exp(−2·d²/n) = 10⁻⁷ of all runs. */
const deviation = (n: number) => Math.sqrt((n * Math.log(2e7)) / 2);

describe("callers in two zones of one region, and in another region", () => {
  const sandbox = openSandbox();
  const directory = sandbox.makeDir("policies");
  const policies = (text: string) => writeFileSync(join(directory, "policies.yaml"), text);
  policies(`${head("orders")}${balanced}`);
  const state = useMesh({ sandbox, controlPlane: { flags: ["--policies", directory] } }, async (mesh) => {
    const at = (id: string, where: { region: string; zone: string }) =>
      mesh.startService({ name: "web", id, dependencies: ["orders", "carts?"], config: where });
    const orders = {
      a: await application(mesh, "orders", "orders-a", { ...place("north", "a"), canary: "yes" }),
      b: await application(mesh, "orders", "orders-b", place("north", "b")),
      c: await application(mesh, "orders", "orders-c", { ...place("north", "b"), canary: "yes" }),
      south: await application(mesh, "orders", "orders-south", place("south", "a")),
      west: await application(mesh, "orders", "orders-west", place("west", "a")),
    };
    const [a, b, south] = await Promise.all([
      at("web-a", place("north", "a")),
      at("web-b", place("north", "b")),
      at("web-s", place("south", "a")),
    ]);
    return { orders, a, b, south };
  });

  /** Until the caller's own Envoy answers so that `fits`; the last measurement is told where it never does. */
  const untilCounted = (from: ServiceProcess, host: string, n: number, fits: (counts: Record<string, number>) => boolean) =>
    until(
      async (note) => {
        const counts = await count(from, host, n);
        note(counts);
        return fits(counts);
      },
      { what: `${from.id}'s requests to ${host} to go elsewhere`, limitMs },
    );

  it("go to their own zone as far as its share of instances reaches, and the rest where there are more", async () => {
    const { a, b, south } = state();
    // Of the callers in north, half are in each zone; of the instances there a third is in zone a. So a takes two thirds of its callers' requests.
    const n = 1_200;
    await untilCounted(a, "orders", 60, (counts) => (counts["orders-a"] ?? 0) > 24);
    const fromA = await count(a, "orders", n);
    expect(Object.keys(fromA).sort()).toEqual(["orders-a", "orders-b", "orders-c"]);
    expect(Math.abs((fromA["orders-a"] ?? 0) - (n * 2) / 3)).toBeLessThan(deviation(n));
    expect(Object.keys(await count(b, "orders", 200)).sort()).toEqual(["orders-b", "orders-c"]);
    expect(await count(south, "orders", 100)).toEqual({ "orders-south": 100 });
    expect((await a.envoy.stats("cluster.orders.lb_zone_routing"))["cluster.orders.lb_zone_routing_cross_zone"]).toBeGreaterThan(0);
  });

  it("go to their own zone within a subset too, by its own instances", async () => {
    const { a, b } = state();
    const route = `---\napiVersion: legation/v1\nkind: Route\nname: all\nservice: orders\nrules:\n  - to: [{ subset: canary }]\n`;
    policies(`${head("orders")}${balanced}subsets: { canary: { meta: { canary: "yes" } } }\n${route}`);
    // One in each zone: each zone keeps its callers' requests.
    await untilCounted(a, "orders", 60, (counts) => counts["orders-a"] === 60);
    await untilCounted(b, "orders", 60, (counts) => counts["orders-c"] === 60);
    expect(await count(a, "orders", 100)).toEqual({ "orders-a": 100 });
    expect(await count(b, "orders", 100)).toEqual({ "orders-c": 100 });
  });

  it("go on as they did while the control plane starts anew, which sends nothing that the Envoys have", async () => {
    const { mesh, b, south } = state();
    policies(`${head("orders")}${balanced}`);
    await untilCounted(b, "orders", 60, (counts) => Object.keys(counts).sort().join() === "orders-b,orders-c");
    await mesh.controlPlane.restart();
    const proxies = () => mesh.controlPlane.get<{ proxies: { ready: boolean }[]; resourcesSent: number }>("/api/proxies");
    await until(async () => (await proxies()).proxies.filter(({ ready }) => ready).length === 3, {
      what: "all Envoys to be connected again, and served",
      limitMs,
    });
    expect((await proxies()).resourcesSent).toBe(0);
    expect(await count(south, "orders", 60)).toEqual({ "orders-south": 60 });
  });

  it("go to all zones alike where only the region is preferred", async () => {
    const { a } = state();
    policies(`${head("orders")}${balanced}locality: { prefer: region }\n`);
    await untilCounted(a, "orders", 90, (counts) => Math.abs((counts["orders-a"] ?? 0) - 30) <= 1);
    const counts = await count(a, "orders", 300);
    for (const name of ["orders-a", "orders-b", "orders-c"]) expect(Math.abs((counts[name] ?? 0) - 100)).toBeLessThanOrEqual(2);
  });

  it("go to other regions as far as their own is ill, first to the one that failover names, and never to one that it does not", async () => {
    const { a, orders } = state();
    const failover = (list: string) => policies(`${head("orders")}${balanced}locality: { prefer: region, failover: ${list} }\n`);
    failover("all");
    await orders.a.set("fail");
    await orders.b.set("fail");
    // A third is healthy, times 140 %: it takes 46 or 47 % (Envoy counts in whole percent) of the requests.
    await untilCounted(a, "orders", 40, (counts) => counts["orders-a"] === undefined && (counts["orders-south"] ?? 0) > 0);
    const n = 1_000;
    const ill = await count(a, "orders", n);
    expect(Math.abs((ill["orders-c"] ?? 0) - 0.465 * n)).toBeLessThan(deviation(n) + 0.005 * n);
    expect(Object.keys(ill).sort()).toEqual(["orders-c", "orders-south", "orders-west"]);

    await orders.c.set("fail");
    failover("[west, south]");
    await untilCounted(a, "orders", 60, (counts) => counts["orders-west"] === 60);
    await orders.west.set("fail");
    await untilCounted(a, "orders", 60, (counts) => counts["orders-south"] === 60);
    failover("[west]");
    await orders.west.set("pass");
    await untilCounted(a, "orders", 60, (counts) => counts["orders-west"] === 60);
    for (const app of [orders.a, orders.b, orders.c]) await app.set("pass");
    await untilCounted(a, "orders", 90, (counts) => counts["orders-west"] === undefined && Object.keys(counts).length === 3);
  });

  it("go to all instances alike where nothing is preferred", async () => {
    const { a } = state();
    policies(`${head("orders")}${balanced}locality: { prefer: none }\n`);
    await untilCounted(
      a,
      "orders",
      100,
      (counts) => Object.keys(counts).length === 5 && Object.values(counts).every((each) => Math.abs(each - 20) <= 2),
    );
  });

  it("lose nothing when the last instance of their region stops, which is proven by the callers of every region", async () => {
    const { mesh, a, south } = state();
    policies(`${head("carts")}${balanced}`);
    await application(mesh, "carts", "carts-south", place("south", "a"));
    const carts = await mesh.startService({ name: "carts", id: "carts-north", config: place("north", "a") });
    await untilCounted(a, "carts", 20, (counts) => counts["carts-south"] === undefined && counts["404"] === undefined);
    expect(await count(south, "carts", 20)).toEqual({ "carts-south": 20 });
    const [near, far] = [load(a, "carts", 60), load(south, "carts", 20)];
    const began = performance.now();
    expect(await carts.stop()).toBe(0);
    // The proof has 10 s; callers that it waited for in vain would use them up.
    expect(performance.now() - began).toBeLessThan(10_000);
    await untilCounted(a, "carts", 20, (counts) => counts["carts-south"] === 20);
    for (const report of [await near.stop(), await far.stop()]) {
      expect(report.failuresByReason).toEqual({});
      expect(report.succeeded).toBe(report.due);
    }
  });
});
