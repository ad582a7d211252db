import { beforeEach, describe, expect, it } from "vitest";
import type { ConsulProcess } from "./testing/consul-process.js";
import { useFixture } from "./testing/fixture.js";
import type { FleetUnderTest } from "./testing/fleet-process.js";
import { plantError, plantedSignal } from "./testing/planted-error.js";
import { until } from "./testing/until.js";

const timeout = 120_000;
const fixture = useFixture();
let consul: ConsulProcess;
let directory: string;
beforeEach(async () => {
  consul = await fixture.consul();
  directory = fixture.directory();
});

async function fleetWith(writer: string): Promise<FleetUnderTest> {
  const fleet = await fixture.fleet({ consul: consul.url, env: plantError(directory, writer) });
  for (const name of ["orders", "payments"]) await fleet.write(name);
  fleet.start();
  await untilServing(fleet);
  return fleet;
}

const untilServing = (fleet: FleetUnderTest) =>
  until("both serve", async () => {
    const services = await fleet.services();
    return services["orders"]?.serving && services["payments"]?.serving && services;
  });
const events = (fleet: FleetUnderTest, event: string) => fleet.events().filter((line) => line.event === event);

describe("an error that nothing in the agent handles", () => {
  it("ends an agent of one service with a fatal line and code 70, and the next one adopts the service", { timeout }, async () => {
    const agent = await fixture.agent({ consul: consul.url, env: plantError(directory, "nobody") });
    agent.start();
    const { pids } = await agent.ready();
    agent.signal(plantedSignal);
    expect(await agent.exited()).toBe(70);
    const crashes = agent.events().filter(({ event }) => event === "agent.crashed");
    expect(crashes).toEqual([
      expect.objectContaining({ level: "fatal", code: 70, error: expect.objectContaining({ message: "planted exception" }) }),
    ]);
    agent.start();
    expect((await agent.ready()).pids.app).toBe(pids.app);
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(0);
  });

  it("is the affair of the one service that it came from, where an agent has several", { timeout }, async () => {
    const fleet = await fleetWith("orders-1/ready.json");
    const before = await fleet.services();
    for (const [times, message] of ["planted exception", "planted rejection"].entries()) {
      fleet.signal(plantedSignal);
      await until(message, () => events(fleet, "fleet.crashed").length === times + 1);
      expect(events(fleet, "fleet.crashed")[times]).toMatchObject({ level: "fatal", id: "orders-1", error: { message } });
      await until("it is adopted", () => events(fleet, "service.adopted").length === times + 1);
      const after = await untilServing(fleet);
      expect([after["orders"]?.pids, after["payments"]?.pids]).toEqual([before["orders"]?.pids, before["payments"]?.pids]);
    }
    expect(events(fleet, "service.adopted").map(({ id }) => id)).toEqual(["orders-1", "orders-1"]);
    fleet.signal("SIGTERM");
    expect(await fleet.exited()).toBe(0);
    expect(Object.keys(await consul.get("/agent/services"))).toEqual([]);
  });

  it("ends an agent of several where it came from what they share, and the next one adopts them all", { timeout }, async () => {
    const fleet = await fleetWith("nobody");
    const before = await fleet.services();
    fleet.signal(plantedSignal);
    expect(await fleet.exited()).toBe(70);
    expect(events(fleet, "agent.crashed")).toHaveLength(1);
    fleet.start();
    const after = await untilServing(fleet);
    expect(after["orders"]?.pids).toEqual(before["orders"]?.pids);
    expect(after["payments"]?.pids).toEqual(before["payments"]?.pids);
  });
});
