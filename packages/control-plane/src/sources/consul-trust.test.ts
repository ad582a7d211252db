import { type Consul, ConsulError, createConsul } from "@legation/consul";
import { consulVersions, startConsulServer } from "@legation/consul/testing";
import type { Trust } from "@legation/mesh";
import { createLogger, systemClock } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, describe, expect, test } from "vitest";
import { createTrustSource, firstTrustWait } from "./consul-trust.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const log = createLogger({ name: "test", level: "silent" });

function source(consul: Pick<Consul, "get">, clock = systemClock, known?: { trust: Trust | undefined }) {
  const told: (Trust | undefined)[] = [];
  const trust = createTrustSource({ consul, onTrust: (value) => told.push(value), ...(known ? { known } : {}), clock, log });
  ends.push(() => trust.stop());
  trust.start();
  return told;
}

describe.each(consulVersions)("the trust of Consul %s", (version) => {
  test.each([true, false])("is told with Connect enabled: %s", { timeout: 60_000 }, async (enabled) => {
    const server = await startConsulServer({ version, config: { connect: { enabled } } });
    ends.push(() => server.stop());
    const consul = createConsul({ address: server.url });
    ends.push(() => consul.close());
    const told = source(consul);
    await expect.poll(() => told.length, { timeout: 20_000 }).toBe(1);
    expect(told).toEqual([enabled ? { trustDomain: expect.stringMatching(/^[0-9a-f-]{36}\.consul$/), datacenter: "dc1" } : undefined]);
  });
});

describe("the trust of a Consul that does not answer", () => {
  const away: Pick<Consul, "get"> = { get: () => Promise.reject(new ConsulError("consul.unreachable", "Consul is away")) };

  test("is none when there is nothing to hope for, and not before", async () => {
    const clock = createTestClock();
    const told = source(away, clock);
    await clock.advance(firstTrustWait - 1);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual([undefined]);
  });

  test.each(["consul.no-connect", "consul.forbidden"] as const)("is what it was after %s", async (code) => {
    const clock = createTestClock();
    let on = true;
    const consul = {
      async get(path: string) {
        if (!on) throw new ConsulError(code, "no more");
        const data = path.startsWith("/catalog") ? [{ Datacenter: "dc1" }] : { TrustDomain: "known.consul", Roots: [{ ID: "a" }] };
        return { data, index: 0, knownLeader: true };
      },
    } as unknown as Pick<Consul, "get">;
    const told = source(consul, clock);
    await clock.advance(0);
    on = false;
    await clock.advance(10 * firstTrustWait);
    expect(told).toEqual([{ trustDomain: "known.consul", datacenter: "dc1" }]);
  });

  test("is that of the last run", async () => {
    const clock = createTestClock();
    const told = source(away, clock, { trust: { trustDomain: "known.consul", datacenter: "dc1" } });
    await clock.advance(10 * firstTrustWait);
    expect(told).toEqual([]);
  });
});
