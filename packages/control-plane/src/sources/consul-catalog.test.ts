import { ConsulError } from "@legation/consul";
import { describe, expect, test } from "vitest";
import { createFakeConsul } from "./testing/fake-consul.js";
import { setUp, withWeb } from "./testing/source-fixture.js";

describe("the first read", () => {
  test("tells each service, and then that it is complete", async () => {
    const { ready, source } = setUp({}, withWeb("a", "b"));
    expect(await ready()).toEqual(["web a:HEALTHY b:HEALTHY", "complete"]);
    expect(source.status()).toMatchObject({ connected: true, complete: true, services: 2, behind: 0 });
    expect(source.servers()).toEqual(["server-1"]);
  });

  test("is complete without any service", async () => {
    expect(await setUp().ready()).toEqual(["complete"]);
  });

  test("waits for a Consul that is down, and says so once", async () => {
    const { consul, ready, after, source } = setUp({}, withWeb("a"));
    consul.down();
    expect(await ready()).toEqual(["lost"]);
    expect(await after(30_000)).toEqual([]);
    expect(source.status()).toMatchObject({ connected: false, complete: false, lastAnswerAt: undefined });
    consul.up();
    expect(await after(15_000)).toEqual(["restored", "web a:HEALTHY", "complete"]);
  });

  test("is complete also when one service cannot be read, and that one follows", async () => {
    const consul = withWeb("a");
    consul.register({ service: "sick", id: "s" });
    consul.fault = (path, answer) => {
      if (path === "/health/service/sick") throw new ConsulError("consul.bad-answer", "500");
      return answer;
    };
    const { ready, after } = setUp({}, consul);
    expect(await ready()).toEqual(["web a:HEALTHY", "complete"]);
    consul.fault = undefined;
    expect(await after(11_000)).toEqual(["sick s:HEALTHY"]);
  });

  test("loses nothing of an earlier life before it is complete, and then what is gone", async () => {
    const known = setUp({}, withWeb("a", "b"));
    known.consul.register({ service: "old", id: "o" });
    known.source.start();
    await known.clock.advance(100);
    const services = known.raw().flatMap((event) => (event.kind === "service" ? [event.service] : []));

    const consul = withWeb("a");
    consul.register({ service: "slow", id: "s" });
    let slow = true;
    consul.fault = (path, answer) => {
      if (slow && path === "/health/service/slow") throw new ConsulError("consul.bad-answer", "500");
      return answer;
    };
    const { source, after } = setUp({ known: { services, servers: ["server-1"] } }, consul);
    source.start();
    expect(await after(100)).toEqual([]);
    slow = false;
    expect(await after(1_000)).toEqual(["slow s:HEALTHY", "web a:HEALTHY", "removed old", "complete"]);
  });
});

describe("checks", () => {
  test("a check that fails is told from its own row, without any other question", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a", "b"));
    await ready();
    consul.check("web", "a", "critical", "boom");
    expect(await after(0)).toEqual(["web a:UNHEALTHY b:HEALTHY"]);
    expect(consul.asked().filter((path) => !path.startsWith("/health/state/"))).toEqual([]);
  });

  test("a check that passes again is told after the service was read", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    await ready();
    consul.check("web", "a", "critical");
    await after(100);
    consul.check("web", "a", "passing");
    expect(await after(10)).toEqual(["web a:HEALTHY"]);
  });

  test("a draining instance that is deregistered never looks healthy in between", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a", "b"));
    await ready();
    consul.check("web", "a", "critical");
    await after(100);
    consul.deregister("web", "a");
    expect(await after(1_000)).toEqual(["web b:HEALTHY"]);
  });

  test("from critical to warning it is never seen passing", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    await ready();
    consul.check("web", "a", "critical");
    await after(100);
    consul.check("web", "a", "warning");
    expect(await after(1_000)).toEqual(["web a:HEALTHY"]);
  });

  test("the output of a passing check is nobody's news", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    await ready();
    for (let i = 0; i < 10; i++) consul.check("web", "a", "passing", `load ${i}`);
    expect(await after(1_000)).toEqual([]);
    expect(consul.asked().filter((path) => !path.startsWith("/health/state/"))).toEqual([]);
  });

  test("an instance is left out until it has passed once, and is unhealthy afterwards", async () => {
    const { ready, after, consul } = setUp();
    await ready();
    consul.register({ service: "web", id: "a", status: "critical" });
    expect(await after(200)).toEqual(["web a:omitted"]);
    consul.check("web", "a", "passing");
    expect(await after(200)).toEqual(["web a:HEALTHY"]);
    consul.check("web", "a", "critical");
    expect(await after(200)).toEqual(["web a:UNHEALTHY"]);
    consul.deregister("web", "a");
    expect(await after(200)).toEqual(["removed web"]);
    consul.register({ service: "web", id: "a", status: "critical" });
    expect(await after(200)).toEqual(["web a:omitted"]);
  });

  test("a failing node takes all of its instances, of every service, and gives them back", async () => {
    const consul = createFakeConsul();
    consul.register({ service: "web", id: "a", node: "n1" });
    consul.register({ service: "web", id: "b", node: "n2" });
    consul.register({ service: "db", id: "d", node: "n1" });
    const { ready, after } = setUp({}, consul);
    await ready();
    consul.nodeCheck("n1", "critical");
    expect((await after(0)).sort()).toEqual(["db d:UNHEALTHY", "web a:UNHEALTHY b:HEALTHY"]);
    consul.nodeCheck("n1", "passing");
    expect((await after(10)).sort()).toEqual(["db d:HEALTHY", "web a:HEALTHY b:HEALTHY"]);
  });

  test("a list from a server that lags behind the reading changes nothing", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    await ready();
    consul.check("web", "a", "critical");
    await after(100);
    consul.check("web", "a", "passing");
    await after(100);
    // The list still has the old row, at its old index, while another check wakes it.
    const old = { Node: "n1", CheckID: "check-a", Status: "critical", ServiceID: "a", ServiceName: "web", ModifyIndex: 12 };
    consul.fault = (path, answer) => (path === "/health/state/critical" ? { ...answer, data: [old] } : answer);
    consul.register({ service: "other", id: "o", status: "critical" });
    expect((await after(100)).filter((line) => line.startsWith("web"))).toEqual([]);
  });
});

describe("the catalog", () => {
  test("a new service is read first; a new instance and a weight are found by a sweep that reads only what changed", async () => {
    const consul = withWeb("a");
    for (let i = 0; i < 20; i++) consul.register({ service: `s${i}`, id: "x" });
    const { ready, after } = setUp({}, consul);
    await ready();
    consul.register({ service: "new", id: "n" });
    expect(await after(1)).toEqual(["new n:HEALTHY"]);
    await after(1_000);
    consul.asked();
    consul.register({ service: "s7", id: "y" });
    expect(await after(20)).toEqual(["s7 x:HEALTHY y:HEALTHY"]);
    expect(consul.asked().filter((path) => /^\/health\/service/.test(path))).toEqual(["/health/service/s7"]);
    await after(1_000);
    consul.register({ service: "s8", id: "x", weight: 9 });
    expect(await after(20)).toEqual(["s8 x:HEALTHY*9"]);
  });

  test("a node that changes its address changes the instances that use it", async () => {
    const { ready, clock, raw, consul } = setUp({}, withWeb("a"));
    await ready();
    consul.node("n1", "10.9.9.9");
    await clock.advance(10);
    expect(raw()).toMatchObject([{ kind: "service", service: { name: "web", instances: [{ address: "10.9.9.9" }] } }]);
  });

  test("a burst of changes costs few sweeps and misses nothing", async () => {
    const consul = withWeb("a");
    for (let i = 0; i < 50; i++) consul.register({ service: `s${i}`, id: "x" });
    const { ready, after } = setUp({}, consul);
    await ready();
    for (let i = 0; i < 50; i++) {
      consul.register({ service: `s${i}`, id: "x", weight: 5 });
      await after(2);
    }
    await after(2_000);
    expect(consul.asked().filter((path) => path.startsWith("probe")).length).toBeLessThan(500);
    consul.register({ service: "s1", id: "x", weight: 6 });
    expect(await after(200)).toEqual(["s1 x:HEALTHY*6"]);
  });

  test("what no watch told is found by the sweep that comes in any case", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    await ready();
    consul.registerSilently({ service: "web", id: "b" });
    expect(await after(10_000)).toEqual([]);
    expect(await after(61_000)).toEqual(["web a:HEALTHY b:HEALTHY"]);
  });

  test("somebody's hint makes a service be read at once", async () => {
    const { ready, after, consul, source } = setUp({}, withWeb("a"));
    await ready();
    source.refresh("web");
    await after(0);
    expect(consul.asked()).toEqual(["/health/service/web"]);
  });
});

test("a source that was stopped asks and tells nothing more", async () => {
  const { ready, after, consul, source, clock } = setUp({}, withWeb("a"));
  await ready();
  source.stop();
  consul.check("web", "a", "critical");
  consul.register({ service: "new", id: "n" });
  expect(await after(1_000_000)).toEqual([]);
  expect(consul.asked()).toEqual([]);
  expect(clock.pending).toBe(0);
});
