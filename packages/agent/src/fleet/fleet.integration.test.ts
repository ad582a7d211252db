import { beforeEach, describe, expect, it } from "vitest";
import type { ConsulProcess } from "../testing/consul-process.js";
import { useFixture } from "../testing/fixture.js";
import type { FleetUnderTest } from "../testing/fleet-process.js";
import { until } from "../testing/until.js";

const fixture = useFixture();
let consul: ConsulProcess;
let fleet: FleetUnderTest;
beforeEach(async () => {
  consul = await fixture.consul();
  fleet = await fixture.fleet({ consul: consul.url });
});

const limitMs = 60_000;
const timeout = 120_000;

async function untilServing(...names: string[]): Promise<void> {
  await until(
    `${names.join(", ")} serve`,
    async () => {
      const services = await fleet.services();
      return names.every((name) => services[name]?.serving) || undefined;
    },
    limitMs,
  ).catch((error: Error) => {
    const log = fleet
      .events()
      .slice(-20)
      .map((event) => JSON.stringify(event));
    throw new Error(`${error.message}; the agent's log ends with:\n${log.join("\n")}`, { cause: error.cause });
  });
}

/** The ids of those that an event came for, in order. */
const order = (event: string): string[] => fleet.events().flatMap((line) => (line.event === event && line.id ? [line.id] : []));
const inConsul = async (): Promise<string[]> => Object.keys(await consul.get<Record<string, unknown>>("/agent/services")).sort();
const pids = async (): Promise<Record<string, number | undefined>> =>
  Object.fromEntries(Object.entries(await fleet.services()).map(([name, { pids }]) => [name, pids.app]));

describe("many services under one agent", () => {
  it("start by layers, each registered for itself, and leave in the reverse order", { timeout }, async () => {
    await fleet.write("web", { dependencies: ["orders", "elsewhere?"] });
    await fleet.write("orders", { dependencies: ["payments"] });
    await fleet.write("payments");
    await fleet.write("audit");
    fleet.start();
    await untilServing("web", "orders", "payments", "audit");
    const at = (event: string, id: string): number => Date.parse(fleet.events().find((e) => e.event === event && e.id === id)?.time ?? "");
    expect(at("service.starting", "orders-1")).toBeGreaterThanOrEqual(at("service.running", "payments-1"));
    expect(at("service.starting", "web-1")).toBeGreaterThanOrEqual(at("service.running", "orders-1"));
    expect(at("service.starting", "audit-1")).toBeLessThan(at("service.running", "orders-1"));
    expect(await inConsul()).toEqual(["audit-1", "orders-1", "payments-1", "web-1"]);
    expect((await fleet.services())["web"]).toMatchObject({
      layer: 3,
      dependencies: { required: ["orders"], optional: ["elsewhere"], missing: [] },
    });
    fleet.signal("SIGTERM");
    expect(await fleet.exited()).toBe(0);
    const stopped = order("service.stopped");
    expect(stopped).toHaveLength(4);
    expect(at("service.draining", "orders-1")).toBeGreaterThanOrEqual(at("service.stopped", "web-1"));
    expect(at("service.draining", "payments-1")).toBeGreaterThanOrEqual(at("service.stopped", "orders-1"));
    expect(at("service.draining", "audit-1")).toBeLessThan(at("service.stopped", "orders-1"));
    expect(await inConsul()).toEqual([]);
  });

  it("share one API: a list, one metrics page, and each service's own below its id", { timeout }, async () => {
    await fleet.write("a");
    await fleet.write("b", { dependencies: ["a"] });
    fleet.start();
    await untilServing("a", "b");
    const status = JSON.parse((await fleet.ask("/services/b-1/status")).body) as { service: string; addresses: { admin: string } };
    expect(status.service).toBe("b");
    expect(`http://${status.addresses.admin}`).toBe(`${fleet.api}/services/b-1`);
    const told = await fetch(`http://127.0.0.1:${fleet.portOf("b")}/`);
    expect(await told.text()).toBe(`${fleet.api}/services/b-1`);
    const metrics = (await fleet.ask("/metrics")).body;
    for (const id of ["a", "b"])
      expect(metrics).toMatch(new RegExp(`legation_agent_registered\\{service_id="${id}-1",service="${id}"\\} 1`));
    expect(metrics.match(/^# TYPE legation_agent_state /gm)).toHaveLength(1);
    expect(metrics.match(/^process_resident_memory_bytes /gm)).toHaveLength(1);
    expect((await fleet.ask("/health")).status).toBe(200);
    expect(JSON.parse((await fleet.ask("/v1/graph")).body)).toMatchObject({ layers: [["a-1"], ["b-1"]] });
    expect(await fleet.ask("/services/nobody/status")).toMatchObject({ status: 404, body: expect.stringContaining("GET /v1/services") });
    await fleet.ask("/services/a-1/drain", "POST");
    expect((await fleet.services())["a"]?.state).toBe("draining");
    expect((await fleet.services())["b"]?.dependencies.missing).toEqual([expect.stringMatching(/^a-1 \(.*a\.yaml\) is draining/)]);
    expect((await fetch(`${fleet.api}/v1/services`, { headers: { origin: "http://evil.example" } })).status).toBe(403);
  });

  it("report a failed dependency on those that require it, which start when it has recovered; others go on", { timeout }, async () => {
    await fleet.write("payments");
    await fleet.write("orders", { dependencies: ["payments"] });
    await fleet.write("audit");
    fleet.setDown("payments", true);
    fleet.start();
    await until("payments has failed", async () => (await fleet.services())["payments"]?.state === "failed", limitMs);
    await untilServing("audit");
    const waits = await until(
      "orders says so",
      async () => {
        const orders = (await fleet.services())["orders"];
        return orders?.reason.includes("failed") ? orders : undefined;
      },
      limitMs,
    );
    expect(waits.state).toBe("waiting");
    expect(waits.reason).toMatch(/^payments-1 \(.*payments\.yaml\) is failed: .*exited with code 3; 1 attempts are used up$/);
    expect(waits.dependencies.missing).toEqual([waits.reason]);
    fleet.setDown("payments", false);
    expect((await fleet.ask("/services/payments-1/restart", "POST", { force: true })).status).toBe(202);
    await untilServing("payments", "orders");

    const before = await pids();
    fleet.setDown("payments", true);
    await fetch(`http://127.0.0.1:${fleet.portOf("payments")}/crash`).catch(() => undefined);
    await until("orders hears of it", () => order("service.dependency-lost").includes("orders-1"), limitMs);
    await until("payments has failed again", async () => (await fleet.services())["payments"]?.state === "failed", limitMs);
    const { orders, audit } = await fleet.services();
    expect(orders).toMatchObject({ state: "running", serving: true, dependencies: { missing: [expect.stringContaining("is failed")] } });
    expect([orders?.pids.app, audit?.pids.app]).toEqual([before["orders"], before["audit"]]);
    fleet.setDown("payments", false);
    await fleet.ask("/services/payments-1/restart", "POST", { force: true });
    await until("orders hears of that too", () => order("service.dependency-regained").includes("orders-1"), limitMs);
  });

  it("are all adopted by the next agent after a kill -9", { timeout }, async () => {
    const names = ["a", "b", "c"];
    for (const [i, name] of names.entries()) await fleet.write(name, { dependencies: names.slice(i + 1, i + 2) });
    fleet.start();
    await untilServing(...names);
    const before = await pids();
    fleet.signal("SIGKILL");
    await fleet.exited();
    fleet.start();
    await untilServing(...names);
    expect(await pids()).toEqual(before);
    expect(order("service.adopted").sort()).toEqual(["a-1", "b-1", "c-1"]);
    fleet.signal("SIGUSR2");
    expect(await fleet.exited()).toBe(0);
    fleet.start();
    await untilServing(...names);
    expect(await pids()).toEqual(before);
  });

  it("come, go and change with the directory on SIGHUP, and only those", { timeout }, async () => {
    await fleet.write("a");
    await fleet.write("b");
    await fleet.write("c", { dependencies: ["a"] });
    fleet.start();
    await untilServing("a", "b", "c");
    const before = await pids();
    fleet.writeText("broken.yaml", "name: broken\nprot: 1\n");
    await fleet.write("b", { tags: ["new"] });
    fleet.signal("SIGHUP");
    await until("it is refused", () => fleet.events().some(({ event }) => event === "fleet.refused"), limitMs);
    const refused = fleet.events().find(({ event }) => event === "fleet.refused");
    expect(refused?.["problems"]).toEqual([
      expect.stringMatching(/broken\.yaml:2: prot: .*port/),
      expect.stringMatching(/broken\.yaml: port: the value is missing/),
    ]);
    expect(await fleet.ask("/v1/reload", "POST")).toMatchObject({ status: 409, body: expect.stringContaining("broken.yaml") });
    expect(await pids()).toEqual(before);

    fleet.remove("broken");
    fleet.remove("c");
    await fleet.write("d", { dependencies: ["b"] });
    fleet.signal("SIGHUP");
    await untilServing("a", "b", "d");
    const after = await pids();
    expect(after["a"]).toBe(before["a"]);
    expect(after["b"]).toBe(before["b"]);
    expect(Object.keys(after).sort()).toEqual(["a", "b", "d"]);
    const { Service } = await until("b has its new tag", async () => {
      const [entry] = await consul.get<{ Service: { Tags: string[] } }[]>("/health/service/b?passing");
      return entry?.Service.Tags.includes("new") ? entry : undefined;
    });
    expect(Service.Tags).toEqual(["new"]);
    expect(await inConsul()).toEqual(["a-1", "b-1", "d-1"]);
    await fleet.write("b", { tags: ["new"], env: { OTHER: "1" } });
    fleet.signal("SIGHUP");
    await until("b has left and begun", async () => ![undefined, before["b"]].includes((await pids())["b"]) || undefined, limitMs);
    await untilServing("a", "b", "d");
    expect((await pids())["a"]).toBe(before["a"]);
  });

  it("do not touch each other when one cannot begin, and it begins when it can", { timeout }, async () => {
    await fleet.write("good");
    await fleet.write("bad", { envoy: { enabled: true, binary: "/no/such/envoy" } });

    fleet.start();
    await untilServing("good");
    const bad = await until("bad tells why", async () => {
      const view = (await fleet.services())["bad"];
      return view?.reason.includes("/no/such/envoy") ? view : undefined;
    });
    expect(bad.state).toBe("pending");
    expect((await fleet.ask("/health")).status).toBe(503);
    await fleet.write("bad");
    fleet.signal("SIGHUP");
    await untilServing("good", "bad");
  });

  it("are twenty without trouble", { timeout: 240_000 }, async () => {
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    for (const [i, name] of names.entries()) await fleet.write(name, i >= 5 ? { dependencies: [`s${i - 5}`] } : {});
    fleet.start();
    await untilServing(...names);
    expect(Object.values(await fleet.services()).map(({ layer }) => layer)).toEqual(
      [1, 2, 3, 4].flatMap((layer) => Array<number>(5).fill(layer)),
    );
    fleet.signal("SIGTERM");
    expect(await fleet.exited()).toBe(0);
    expect(await inConsul()).toEqual([]);
  });
});
