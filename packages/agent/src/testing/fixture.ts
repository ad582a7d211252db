/** What an integration test starts: agents, Consul, a stand-in for the control plane. All of it ends with its test, the last first. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConsulVersion } from "@legation/consul/testing";
import { afterEach } from "vitest";
import { type AgentUnderTest, prepareAgent } from "./agent-process.js";
import { type ConsulProcess, startConsul } from "./consul-process.js";
import { type StandIn, startStandIn } from "./control-plane.js";
import { type FleetUnderTest, prepareFleet } from "./fleet-process.js";

/** See the file's sentence. */
export interface Fixture {
  /** Started, the newest version on this machine unless given. */
  consul(version?: ConsulVersion): Promise<ConsulProcess>;
  /** The stand-in, started. */
  controlPlane(): Promise<StandIn>;
  /** Prepared, not started. Without `consul` it is told of one that does not answer. */
  agent(options?: Partial<Parameters<typeof prepareAgent>[0]>): Promise<AgentUnderTest>;
  /** Prepared, not started. */
  fleet(options: Parameters<typeof prepareFleet>[0]): Promise<FleetUnderTest>;
  /** An empty directory. */
  directory(): string;
  /** Called when the test ends, before what was begun earlier ends. */
  atEnd(end: () => unknown): void;
}

/** A Consul that does not answer. */
const noConsul = "http://127.0.0.1:1";

/** The fixture of a test file; call it once, at the file's top. */
export function useFixture(): Fixture {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  return {
    async consul(version) {
      const consul = await startConsul(version);
      ends.push(() => consul.stop());
      return consul;
    },
    async controlPlane() {
      const controlPlane = await startStandIn();
      ends.push(() => controlPlane.close());
      return controlPlane;
    },
    async agent(options = {}) {
      const agent = await prepareAgent({ consul: noConsul, ...options });
      ends.push(() => agent.cleanUp());
      return agent;
    },
    async fleet(options) {
      const fleet = await prepareFleet(options);
      ends.push(() => fleet.cleanUp());
      return fleet;
    },
    directory() {
      const directory = mkdtempSync(join(tmpdir(), "legation-fixture-"));
      ends.push(() => rmSync(directory, { recursive: true, force: true }));
      return directory;
    },
    atEnd: (end) => void ends.push(end),
  };
}
