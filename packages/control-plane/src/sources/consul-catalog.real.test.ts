import { type Consul, createConsul } from "@legation/consul";
import { type ConsulServer, consulVersions, startConsulServer } from "@legation/consul/testing";
import { endpointOf, type Instance } from "@legation/mesh";
import { createLogger, systemClock } from "@legation/runtime";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { CatalogEvent, CatalogSource } from "./catalog-event.js";
import { createConsulCatalog } from "./consul-catalog.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Running {
  readonly server: ConsulServer;
  readonly consul: Consul;
  readonly source: CatalogSource;
  readonly events: CatalogEvent[];
  /** `a:HEALTHY b:DRAINING`, or "gone". */
  standing(service: string): string;
  instance(service: string, id: string): Instance | undefined;
}

async function setUp(version: (typeof consulVersions)[number], durable = false): Promise<Running> {
  const server = await startConsulServer({ version, durable });
  closers.push(() => server.stop());
  const consul = createConsul({ address: server.url });
  closers.push(() => consul.close());
  const events: CatalogEvent[] = [];
  const services = new Map<string, readonly Instance[]>();
  const source = createConsulCatalog({
    consul,
    clock: systemClock,
    log: createLogger({ name: "test", level: "silent" }),
    onEvent(event) {
      events.push(event);
      if (event.kind === "service") services.set(event.service.name, event.service.instances);
      if (event.kind === "removed") services.delete(event.name);
    },
  });
  closers.push(() => source.stop());
  source.start();
  await eventually(() => expect(source.status().complete).toBe(true));
  return {
    server,
    consul,
    source,
    events,
    standing: (service) => [...(services.get(service) ?? [])].map(inWords).sort().join(" ") || "gone",
    instance: (service, id) => services.get(service)?.find((instance) => instance.id === id),
  };
}

function inWords(instance: Instance): string {
  const endpoint = endpointOf(instance);
  return `${instance.id}:${endpoint.omitted ? "omitted" : endpoint.health}${instance.kept ? "(kept)" : ""}`;
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 });

const web = (id: string, change: object = {}) => ({
  ID: id,
  Name: "web",
  Port: 8_000 + id.charCodeAt(0),
  Address: "10.0.0.1",
  Tags: ["t"],
  Meta: { zone: "z1" },
  TaggedAddresses: { mesh: { Address: "10.0.0.1", Port: 20_000 + id.charCodeAt(0) } },
  Checks: [{ CheckID: `${id}-ttl`, Name: "heartbeat", TTL: "600s", Status: "critical" as const }],
  ...change,
});

describe.each(consulVersions)("on Consul %s", (version) => {
  test("an instance is followed from registration through every state to its end", async () => {
    const { consul, standing, instance, events } = await setUp(version);
    const { agent } = consul;
    await agent.register(web("a"));
    await eventually(() => expect(standing("web")).toBe("a:omitted"));
    await agent.checkUpdate("a-ttl", "passing", "ok");
    await eventually(() => expect(standing("web")).toBe("a:HEALTHY"));
    expect(instance("web", "a")).toMatchObject({
      node: "test-server",
      port: 8_097,
      mesh: { address: "10.0.0.1", port: 20_097 },
      meta: { zone: "z1" },
      tags: ["t"],
      weights: { passing: 1, warning: 1 },
    });

    await agent.checkUpdate("a-ttl", "critical", "down");
    await eventually(() => expect(standing("web")).toBe("a:UNHEALTHY"));
    await agent.checkUpdate("a-ttl", "warning", "slow");
    await eventually(() => expect(instance("web", "a")?.checks.find((check) => check.id === "a-ttl")?.status).toBe("warning"));
    await agent.checkUpdate("a-ttl", "passing", "ok");
    await eventually(() => expect(instance("web", "a")?.checks.every((check) => check.status === "passing")).toBe(true));

    await agent.register(web("a", { Weights: { Passing: 7, Warning: 3 }, Meta: { zone: "z2" }, Tags: ["t", "u"] }));
    await eventually(() =>
      expect(instance("web", "a")).toMatchObject({ weights: { passing: 7, warning: 3 }, meta: { zone: "z2" }, tags: ["t", "u"] }),
    );
    await agent.checkUpdate("a-ttl", "passing", "ok");
    await eventually(() => expect(standing("web")).toBe("a:HEALTHY"));

    await agent.maintenance("a", true, "legation:draining");
    await eventually(() => expect(standing("web")).toBe("a:DRAINING"));
    expect(instance("web", "a")?.checks).toContainEqual(expect.objectContaining({ status: "critical", output: "legation:draining" }));
    const before = events.length;
    await agent.deregister("a");
    await eventually(() => expect(standing("web")).toBe("gone"));
    for (const event of events.slice(before))
      if (event.kind === "service") expect(event.service.instances.map(inWords)).toEqual(["a:DRAINING"]);
  });

  test("a node in maintenance, with a failed check of its own, or with a new address", async () => {
    const { consul, standing, instance } = await setUp(version);
    const register = (change: object) => consul.put("/catalog/register", { Node: "far", Address: "10.1.0.1", ...change });
    await register({ Service: { ID: "x", Service: "web", Port: 80 }, Check: { CheckID: "serfHealth", Name: "Serf", Status: "passing" } });
    await eventually(() => expect(standing("web")).toBe("x:HEALTHY"));
    expect(instance("web", "x")?.address).toBe("10.1.0.1");
    await register({ Check: { CheckID: "serfHealth", Name: "Serf", Status: "critical" } });
    await eventually(() => expect(standing("web")).toBe("x:UNHEALTHY"));
    await register({ Check: { CheckID: "serfHealth", Name: "Serf", Status: "passing" } });
    await eventually(() => expect(standing("web")).toBe("x:HEALTHY"));
    await register({
      Check: { CheckID: "_node_maintenance", Name: "Node Maintenance Mode", Status: "critical", Notes: "legation:draining" },
    });
    await eventually(() => expect(standing("web")).toBe("x:DRAINING"));
    await consul.put("/catalog/deregister", { Node: "far", CheckID: "_node_maintenance" });
    await eventually(() => expect(standing("web")).toBe("x:HEALTHY"));
    await consul.put("/catalog/register", { Node: "far", Address: "10.1.0.2" });
    await eventually(() => expect(instance("web", "x")?.address).toBe("10.1.0.2"));
    await consul.put("/catalog/deregister", { Node: "far" });
    await eventually(() => expect(standing("web")).toBe("gone"));
  });

  test("a new instance, one that goes, and most of a service vanishing", async () => {
    const { consul, standing, events } = await setUp(version);
    const passing = { Checks: [] };
    for (const id of ["a", "b", "c", "d"]) await consul.agent.register(web(id, passing));
    await eventually(() => expect(standing("web")).toBe("a:HEALTHY b:HEALTHY c:HEALTHY d:HEALTHY"));
    await consul.agent.deregister("d");
    await eventually(() => expect(standing("web")).toBe("a:HEALTHY b:HEALTHY c:HEALTHY"));
    for (const id of ["a", "b", "c"]) await consul.agent.deregister(id);
    await eventually(() => expect(standing("web")).toContain("(kept)"));
    expect(events.some((event) => event.kind === "alert")).toBe(true);
    await consul.agent.register(web("a", passing));
    await eventually(() => expect(standing("web").split(" ")[0]).toBe("a:HEALTHY"));
  });

  test("Consul killed and back with its data: nothing changes, and changes are seen again", async () => {
    const { server, consul, standing, events, source } = await setUp(version, true);
    await consul.agent.register(web("a", { Checks: [{ CheckID: "a-ttl", Name: "heartbeat", TTL: "600s", Status: "passing" }] }));
    await consul.agent.register(web("b", { Checks: [] }));
    await eventually(() => expect(standing("web")).toBe("a:HEALTHY b:HEALTHY"));
    const before = events.length;
    await server.kill();
    await eventually(() => expect(source.status().connected).toBe(false));
    expect(standing("web")).toBe("a:HEALTHY b:HEALTHY");
    await server.restart({ keepData: true });
    await eventually(() => expect(source.status()).toMatchObject({ connected: true, behind: 0 }));
    expect(events.slice(before).map((event) => event.kind)).not.toContain("removed");
    expect(standing("web")).not.toContain("kept");
    await consul.agent.register(web("b", { Checks: [{ CheckID: "b-ttl", Name: "heartbeat", TTL: "600s" }] }));
    await eventually(() => expect(standing("web")).toContain("b:UNHEALTHY"));
  });

  test("Consul killed and back without its data: everything is kept until it registers again", async () => {
    const { server, consul, standing, source } = await setUp(version);
    await consul.agent.register(web("a", { Checks: [] }));
    await consul.agent.register({ ...web("s", { Checks: [] }), Name: "single" });
    await eventually(() => expect([standing("web"), standing("single")]).toEqual(["a:HEALTHY", "s:HEALTHY"]));
    await server.restart({ keepData: false });
    await eventually(() => expect([standing("web"), standing("single")]).toEqual(["a:HEALTHY(kept)", "s:HEALTHY(kept)"]));
    await consul.agent.register(web("a", { Checks: [] }));
    await eventually(() => expect(standing("web")).toBe("a:HEALTHY"));
    source.release();
    await eventually(() => expect(standing("single")).toBe("gone"));
  });
});
