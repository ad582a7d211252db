import { ConsulError } from "@legation/consul";
import { endpointOf } from "@legation/mesh";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, describe, expect, test } from "vitest";
import type { CatalogEvent, CatalogSource } from "./catalog-event.js";
import { type ConsulCatalogOptions, createConsulCatalog } from "./consul-catalog.js";
import { createFakeConsul } from "./testing/fake-consul.js";

const running: CatalogSource[] = [];
afterEach(() => {
  for (const source of running.splice(0)) source.stop();
});

/** A source over a fake Consul, with what it told in short words: `web a:HEALTHY*3 b:omitted`. */
function setUp(options: Partial<ConsulCatalogOptions> = {}, consul = createFakeConsul()) {
  const clock = createTestClock();
  const events: CatalogEvent[] = [];
  const warnings: string[] = [];
  const note = (fields: object) => void warnings.push(JSON.stringify(fields));
  const source = createConsulCatalog({
    consul,
    clock,
    log: { info: note, warn: note, error: note } as unknown as ConsulCatalogOptions["log"],
    onEvent: (event) => void events.push(event),
    random: () => 0.5,
    ...options,
  });
  running.push(source);
  const told = () =>
    events
      .splice(0)
      .filter((e) => !(e.kind === "service" && e.service.name === "consul"))
      .map(inWords);
  return {
    consul,
    clock,
    source,
    warnings,
    told,
    raw: () => events.splice(0),
    /** Starts, waits for the first complete read, and forgets what was told until then. */
    async ready() {
      source.start();
      await clock.advance(1_000);
      consul.asked();
      return told();
    },
    /** What is told within `ms`. */
    async after(ms: number) {
      await clock.advance(ms);
      return told();
    },
  };
}

function inWords(event: CatalogEvent): string {
  if (event.kind === "alert") return `alert ${event.alert.kind} ${event.alert.service}`;
  if (event.kind === "removed") return `removed ${event.name}`;
  if (event.kind !== "service") return event.kind;
  const instances = event.service.instances.map((instance) => {
    const endpoint = endpointOf({ ...instance, address: "10.0.0.9" });
    const state = endpoint.omitted ? "omitted" : `${endpoint.health}${endpoint.weight === 1 ? "" : `*${endpoint.weight}`}`;
    return `${instance.id}:${state}${instance.kept ? "(kept)" : ""}`;
  });
  return `${event.service.name} ${instances.join(" ")}`;
}

const web = (...ids: string[]) => ids.map((id) => ({ service: "web", id }));

function withWeb(...ids: string[]) {
  const consul = createFakeConsul();
  for (const instance of web(...ids)) consul.register(instance);
  return consul;
}

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
    expect(consul.asked().filter((path) => path.startsWith("probe")).length).toBeLessThan(52 * 5);
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

describe("a failure removes nothing", () => {
  test("an empty reading of a service that is still listed", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a", "b"));
    await ready();
    consul.fault = (path, answer) => (path === "/health/service/web" ? { ...answer, data: [] } : answer);
    consul.register({ service: "web", id: "c" });
    expect(await after(5_000)).toEqual([]);
    consul.fault = undefined;
    expect(await after(11_000)).toEqual(["web a:HEALTHY b:HEALTHY c:HEALTHY"]);
  });

  test("an empty list of services", async () => {
    const { ready, after, consul, source } = setUp({}, withWeb("a"));
    await ready();
    consul.fault = (path, answer) => {
      if (path.startsWith("/health")) return { ...answer, data: [] };
      return path === "/catalog/services" ? { ...answer, data: {} } : answer;
    };
    consul.register({ service: "web", id: "b" });
    consul.check("web", "a", "critical");
    expect(await after(60_000)).toEqual(["lost"]);
    expect(source.status().connected).toBe(false);
    consul.fault = undefined;
    expect((await after(11_000))[0]).toBe("restored");
  });

  test("500s in the middle of a sweep", async () => {
    const consul = withWeb("a");
    for (let i = 0; i < 20; i++) consul.register({ service: `s${i}`, id: "x" });
    const { ready, after } = setUp({}, consul);
    await ready();
    let failures = 5;
    consul.fault = (path, answer) => {
      if (path.startsWith("/health/service") && failures-- > 0) throw new ConsulError("consul.bad-answer", "500");
      return answer;
    };
    consul.register({ service: "s3", id: "y" });
    expect(await after(10_000)).toEqual(["s3 x:HEALTHY y:HEALTHY"]);
  });

  test("answers that are no rows at all", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    await ready();
    consul.fault = (_, answer) => ({ ...answer, data: { error: "nope" } });
    consul.register({ service: "web", id: "b" });
    consul.check("web", "a", "critical");
    expect(await after(30_000)).toEqual(["lost"]);
    consul.fault = undefined;
    expect(await after(11_000)).toEqual(["web a:UNHEALTHY", "restored", "web a:UNHEALTHY b:HEALTHY"]);
  });

  test("rows that the token's rules hide", async () => {
    const { ready, after, consul, warnings } = setUp({}, withWeb("a", "b"));
    await ready();
    consul.fault = (path, answer) =>
      path === "/health/service/web" ? { ...answer, data: (answer.data as unknown[]).slice(1), filteredByAcl: true } : answer;
    consul.register({ service: "web", id: "b", weight: 3 });
    expect(await after(5_000)).toEqual([]);
    expect(warnings.join()).toContain("service_prefix");
  });

  test("a server that knows no leader", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    await ready();
    consul.fault = (_, answer) => ({ ...answer, knownLeader: false });
    consul.deregister("web", "a");
    expect(await after(5_000)).toEqual(["lost"]);
    consul.fault = undefined;
    expect(await after(11_000)).toEqual(["restored", "removed web"]);
  });

  test("Consul down for a while", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a", "b"));
    await ready();
    consul.down();
    expect(await after(600_000)).toEqual(["lost"]);
    consul.up();
    expect(await after(11_000)).toEqual(["restored"]);
    consul.check("web", "a", "critical");
    expect(await after(100)).toEqual(["web a:UNHEALTHY b:HEALTHY"]);
  });
});

describe("a Consul that has lost its data", () => {
  test("keeps everything, a single instance too, and takes back what registers again", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a", "b"));
    consul.register({ service: "one", id: "o" });
    await ready();
    consul.wipe();
    expect((await after(5_000)).sort()).toEqual([
      "alert held one",
      "alert held web",
      "lost",
      "one o:HEALTHY(kept)",
      "restored",
      "web a:HEALTHY(kept) b:HEALTHY(kept)",
    ]);
    consul.register({ service: "web", id: "a" });
    expect(await after(500)).toEqual(["web a:HEALTHY b:HEALTHY(kept)"]);
    expect((await after(70_000)).sort()).toEqual(["alert released one", "alert released web", "removed one", "web a:HEALTHY"]);
  });

  test("is known as another one after this process has restarted too", async () => {
    const first = setUp({}, withWeb("a"));
    first.source.start();
    await first.clock.advance(100);
    const services = first.raw().flatMap((event) => (event.kind === "service" ? [event.service] : []));
    const { ready } = setUp({ known: { services, servers: ["server-0"] } });
    expect((await ready()).slice(0, 2)).toEqual(["alert held web", "web a:HEALTHY(kept)"]);
  });

  test("or whose indexes went back, as after a restored snapshot, is read anew", async () => {
    const { ready, after, consul, warnings } = setUp({}, withWeb("a", "b", "c"));
    await ready();
    consul.rewind();
    expect(await after(100_000)).toEqual([]);
    expect(warnings.join()).toContain("consul.history.restarted");
    consul.check("web", "a", "critical");
    expect(await after(1_000)).toEqual(["web a:UNHEALTHY b:HEALTHY c:HEALTHY"]);
  });
});

describe("a mass loss", () => {
  test("most of a service vanishing at once is held with an alert, and given up by command", async () => {
    const { ready, after, consul, source } = setUp({}, withWeb("a", "b", "c"));
    await ready();
    for (const id of ["a", "b", "c"]) consul.deregister("web", id);
    const told = await after(1_000);
    expect(told[0]).toBe("alert held web");
    expect(told.at(-1)).toBe("web a:HEALTHY(kept) b:HEALTHY(kept) c:HEALTHY(kept)");
    source.release("web");
    expect(await after(0)).toEqual(["alert released web", "removed web"]);
  });

  test("a service of two goes when it goes", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a", "b"));
    await ready();
    consul.deregister("web", "a");
    consul.deregister("web", "b");
    expect(await after(1_000)).toEqual(["removed web"]);
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
