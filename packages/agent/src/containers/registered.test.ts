import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AgentService, Registration } from "@legation/consul";
import { createLogger, systemClock } from "@legation/runtime";
import { afterEach, describe, expect, it } from "vitest";
import type { ConsulAgent } from "../registrar/consul-agent.js";
import { until } from "../testing/until.js";
import { defineContainer } from "./definition.js";
import { createRegistered } from "./registered.js";

const servers: { close(): void; closeAllConnections(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A Consul that writes down what it is told, and holds one registration. */
function scriptedConsul(): { readonly consul: ConsulAgent; readonly told: string[] } {
  const told: string[] = [];
  let held: Registration | undefined;
  const checks = new Map<string, string>();
  const kind = (id: string): string => id.split(":").at(-1) ?? "";
  const consul: ConsulAgent = {
    nodeName: async () => "node",
    service: async () => held && ({ ...held, Service: held.Name } as unknown as AgentService),
    checks: async () => [...checks].map(([id, status]) => ({ id, status: status as "passing", notes: "" })),
    async register(registration) {
      held = registration;
      for (const { CheckID, Status = "critical" } of registration.Checks ?? []) checks.set(CheckID, Status);
      told.push(`register ${(registration.Checks ?? []).map(({ CheckID, Status }) => `${kind(CheckID)} ${Status}`).join(", ")}`);
    },
    async deregister() {
      held = undefined;
      told.push("deregister");
    },
    async updateCheck(id, status, output) {
      checks.set(id, status);
      if (kind(id) !== "heartbeat") told.push(`${kind(id)} ${status}: ${output}`);
      return held !== undefined;
    },
    maintenance: async () => true,
  };
  return { consul, told };
}

async function scene() {
  const server = createServer((_request, reply) => reply.end());
  servers.push(server);
  const port = await new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
  const labels = { "service.name": "web", "service.health": "/h", "service.health.successes": "1", "service.heartbeat": "60s" };
  const published = new Map([[80, { host: "127.0.0.1", port }]]);
  const container = {
    ...{ id: "c".repeat(64), name: "web-1", labels, up: true, status: "running", onHostNetwork: false },
    ...{ ports: [80], published, addresses: new Map<string, string>() },
  };
  const config = defineContainer(container, { env: {}, argv: [], machine: { hostname: "m1" } });
  const { consul, told } = scriptedConsul();
  const record = { read: () => ({ history: [], verdicts: {} }), write() {} };
  const log = createLogger({ name: "test", level: "silent" });
  const create = () => createRegistered({ config, containerId: container.id, owner: "uuid@m1", consul, record, clock: systemClock, log });
  return { consul, create, told, url: `http://127.0.0.1:${port}/h` };
}

describe("a container in Consul", () => {
  it("is registered critical, then passes, is critical with the cause when it ends, and only then deregistered", async () => {
    const { create, told, url } = await scene();
    const registered = create();
    await registered.begin();
    await until("it passes", () => told.at(-1)?.startsWith("http passing"));
    await registered.leave("it is paused");
    expect(told.filter((line, i) => line !== told[i - 1] && !line.includes("UNKNOWN"))).toEqual([
      "register heartbeat passing, http critical",
      `http passing: HEALTHY: GET ${url} passes`,
      "http critical: the container: it is paused",
      "deregister",
    ]);
  });

  it("that another agent left passing goes on without a word", async () => {
    const { create, told } = await scene();
    const before = create();
    await before.begin();
    await until("it passes", () => told.at(-1)?.startsWith("http passing"));
    before.letGo();
    told.splice(0);
    const after = create();
    await after.begin();
    await until("the next agent has told what it sees", () => told.length > 0);
    expect(told).toEqual(["http passing: HEALTHY: passed when the agent before looked at it"]);
    await after.leave("it is exited");
  });

  it("that another agent left passing does not blink when this one starts while Consul is away", async () => {
    const { consul, create, told } = await scene();
    const before = create();
    await before.begin();
    await until("it passes", () => told.at(-1)?.startsWith("http passing"));
    before.letGo();
    told.splice(0);
    const { service } = consul;
    let asked = 0;
    Object.assign(consul, {
      service: async (id: string) => {
        asked += 1;
        if (asked < 3) throw new Error("Consul is away");
        return await service(id);
      },
    });
    const after = create();
    await after.begin();
    await until("the next agent has told what it sees", () => told.length > 0);
    expect(told).toEqual(["http passing: HEALTHY: passed when the agent before looked at it"]);
    await after.leave("it is exited");
  });
});
