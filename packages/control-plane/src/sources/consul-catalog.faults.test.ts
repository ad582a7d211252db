import { ConsulError } from "@legation/consul";
import { describe, expect, test } from "vitest";
import { setUp, withWeb } from "./testing/source-fixture.js";

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

  test("one odd row among good ones", async () => {
    const { ready, after, consul, warnings } = setUp({}, withWeb("a", "b"));
    await ready();
    type Row = { Service: { ID: string | number; Port?: unknown } };
    const garble = (change: (row: Row) => Row) => {
      consul.fault = (path, answer) =>
        path === "/health/service/web"
          ? { ...answer, data: (answer.data as Row[]).map((row) => (row.Service.ID === "b" ? change(row) : row)) }
          : answer;
    };
    garble((row) => ({ ...row, Service: { ...row.Service, Port: "none" } }));
    consul.register({ service: "web", id: "c" });
    expect(await after(5_000)).toEqual(["web a:HEALTHY b:omitted c:HEALTHY"]);
    garble((row) => ({ ...row, Service: { ...row.Service, ID: 7 } }));
    consul.register({ service: "web", id: "d" });
    expect(await after(5_000)).toEqual(["web a:HEALTHY c:HEALTHY d:HEALTHY b:omitted"]);
    expect(warnings.filter((line) => line.includes("registry.odd-row"))).toHaveLength(2);
    consul.fault = undefined;
    consul.register({ service: "web", id: "b", weight: 2 });
    expect(await after(5_000)).toEqual(["web a:HEALTHY b:HEALTHY*2 c:HEALTHY d:HEALTHY"]);
  });

  test("answers without an index bring changes all the same", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    consul.fault = (_, answer) => ({ ...answer, index: 0 });
    await ready();
    consul.register({ service: "web", id: "b" });
    expect(await after(5_000)).toEqual(["web a:HEALTHY b:HEALTHY"]);
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

  test("an answer without a leader makes the data no younger", async () => {
    const { ready, after, consul, source, clock } = setUp({}, withWeb("a"));
    await ready();
    await after(100_000);
    const young = clock.now() - (source.status().lastAnswerAt ?? 0);
    consul.fault = (_, answer) => ({ ...answer, knownLeader: false });
    await after(600_000);
    expect(young).toBeLessThan(100_000);
    expect(clock.now() - (source.status().lastAnswerAt ?? 0)).toBeGreaterThanOrEqual(600_000);
  });

  test("an hour without Consul, and an hour of reads that fail, are said at once and then rarely", async () => {
    const consul = withWeb("a");
    for (let i = 0; i < 50; i++) consul.register({ service: `s${i}`, id: "x" });
    const { ready, after, warnings } = setUp({}, consul);
    await ready();
    consul.down();
    await after(3_600_000);
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.length).toBeLessThan(12);
    warnings.splice(0);
    consul.up();
    consul.fault = (path, answer) => {
      if (path.startsWith("/health/service")) throw new ConsulError("consul.bad-answer", "500");
      return answer;
    };
    for (let i = 0; i < 50; i++) consul.register({ service: `s${i}`, id: "y" });
    await after(3_600_000);
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.length).toBeLessThan(20);
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

  test("and goes away again before anybody could register keeps everything until it is back", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a", "b"));
    await ready();
    consul.wipe();
    await after(5_000);
    consul.down();
    expect(await after(3_600_000)).toEqual(["lost"]);
    consul.up();
    expect(await after(30_000)).toEqual(["restored"]);
    expect(await after(40_000)).toEqual(["alert released web", "removed web"]);
  });

  test("is noticed too by the watch that was between two queries", async () => {
    const { ready, after, consul } = setUp({}, withWeb("a"));
    for (let i = 0; i < 50; i++) consul.register({ service: "many", id: "m" });
    await ready();
    // The second change comes so soon that the list of services pauses for its pace; Consul is another one when it asks again.
    for (const id of ["b", "c"]) {
      consul.register({ service: "web", id });
      await after(5);
    }
    consul.wipe();
    await after(5_000);
    consul.register({ service: "web", id: "a" });
    consul.register({ service: "web", id: "b" });
    expect((await after(500)).at(-1)).toBe("web a:HEALTHY b:HEALTHY c:HEALTHY(kept)");
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
    expect(warnings.join()).toContain("consul.history-restarted");
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
