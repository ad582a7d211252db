import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import type { Agent } from "../agent.js";
import type { Seat } from "../seat.js";
import { createFleet, type Fleet } from "./fleet.js";
import { graphOf } from "./graph.js";
import type { Plan, PlannedService } from "./plan.js";
import { createScopes } from "./scope.js";

/** Agents that leave when they are told, or when they are hurried; what they were asked stands in `told`. */
async function scene(needs: Readonly<Record<string, readonly string[]>>) {
  const clock = createTestClock();
  const told: string[] = [];
  const release = new Map<string, (code: number) => void>();
  const services = Object.entries(needs).map(([id, names]): PlannedService => {
    const dependencies = names.map((name) => ({ name, optional: false }));
    const address = "127.0.0.1:0";
    const values = { envoy: { outbound: address, admin: address } };
    return {
      file: `${id}.yaml`,
      printedConfig: "",
      config: { service: { id, name: id, port: 1, dependencies }, values, inbound: address },
    } as never;
  });
  const graph = graphOf(
    Object.entries(needs).map(([id, names]) => ({
      id,
      service: id,
      file: id,
      dependencies: names.map((name) => ({ name, optional: false })),
    })),
  );
  if ("cycles" in graph) throw new Error("there is a cycle");
  const plan: Plan = { services, graph };
  let reserved: ReadonlySet<number> = new Set();
  const open = async ({ config }: PlannedService, seat: Pick<Seat, "reserved">): Promise<Agent> => {
    reserved = seat.reserved;
    const { id } = config.service;
    const left = new Promise<number>((resolve) => release.set(id, resolve));
    const agent = {
      begin: async () => {},
      stop(cause: string) {
        told.push(`${id}: ${cause}`);
        if (cause === "hurried") release.get(id)?.(137);
        return left;
      },
    };
    return agent as unknown as Agent;
  };
  const log = createLogger({ name: "test", level: "silent" });
  const scopes = createScopes();
  const fleet: Fleet = createFleet({
    plan,
    open,
    keptPorts: ({ config }) => [20_000 + config.service.id.length],
    stopLimit: 60_000,
    scopes,
    clock,
    log,
  });
  fleet.begin();
  await clock.advance(0);
  return { fleet, clock, told, release, plan, scopes, reserved: () => reserved };
}

describe("a fleet whose plan changes", () => {
  it("gives the ports of a service that is gone back, but not those that another one has too", async () => {
    const { fleet, clock, plan, release, reserved } = await scene({ web: [], api: [], orders: [] });
    expect([...reserved()].sort()).toEqual([1, 20_003, 20_006].sort());
    const following = fleet.follow({ ...plan, services: plan.services.filter(({ file }) => file === "api.yaml") });
    await clock.advance(0);
    release.get("web")?.(0);
    release.get("orders")?.(0);
    expect((await following).removed).toEqual(["web", "orders"]);
    expect([...reserved()].sort()).toEqual([1, 20_003]);
  });
});

describe("a fleet that stops", () => {
  it("waits no longer than 5 s for one whose agent crashes over it, and takes no error of what all share", async () => {
    const { fleet, clock, scopes } = await scene({ web: [], orders: [] });
    const stopped = fleet.stop("SIGTERM");
    await clock.advance(0);
    expect(fleet.crash(new Error("of nobody"))).toBe(false);
    for (const id of ["web", "orders"]) expect(scopes.within(id, () => fleet.crash(new Error("broken")))).toBe(true);
    await clock.advance(5_000);
    expect(await stopped).toBe(70);
  });

  it("lets each leave when all that require it have left, and exits with the highest code", async () => {
    const { fleet, clock, told, release } = await scene({ web: ["orders"], orders: ["payments"], payments: [], audit: [] });
    const stopped = fleet.stop("SIGTERM");
    await clock.advance(0);
    expect(told.sort()).toEqual(["audit: SIGTERM", "web: SIGTERM"]);
    release.get("web")?.(0);
    await clock.advance(0);
    expect(told).toContain("orders: SIGTERM");
    expect(told).not.toContain("payments: SIGTERM");
    for (const [id, code] of [
      ["orders", 7],
      ["audit", 0],
    ] as const)
      release.get(id)?.(code);
    await clock.advance(0);
    release.get("payments")?.(0);
    expect(await stopped).toBe(7);
  });

  it("hurries all that is left after its limit", async () => {
    const { fleet, clock, told } = await scene({ web: ["orders"], orders: [] });
    const stopped = fleet.stop("SIGTERM");
    await clock.advance(59_999);
    expect(told).toEqual(["web: SIGTERM"]);
    await clock.advance(1);
    expect(await stopped).toBe(137);
    expect(told.slice(1).sort()).toEqual(["orders: SIGTERM", "orders: hurried", "web: hurried"]);
  });

  it("does not hurry what was leaving before", async () => {
    const { fleet, clock, told, release, plan } = await scene({ web: [], orders: [] });
    const services = plan.services.filter(({ config }) => config.service.id === "web");
    const followed = fleet.follow({ ...plan, services });
    await clock.advance(0);
    const stopped = fleet.stop("SIGTERM");
    await clock.advance(0);
    expect(told).toEqual(["orders: its file has changed", "web: SIGTERM"]);
    release.get("orders")?.(0);
    release.get("web")?.(3);
    expect(await stopped).toBe(3);
    expect((await followed).removed).toEqual(["orders"]);
  });

  it("hurries at a second call", async () => {
    const { fleet, clock } = await scene({ web: ["orders"], orders: [] });
    const stopped = fleet.stop("SIGTERM");
    await clock.advance(0);
    expect(await fleet.stop("SIGTERM")).toBe(137);
    expect(await stopped).toBe(137);
  });
});
