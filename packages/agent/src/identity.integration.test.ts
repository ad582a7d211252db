import { X509Certificate } from "node:crypto";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { connect, type SecureContextOptions } from "node:tls";
import { newestConsul, rotateRoot } from "@legation/consul/testing";
import { certificateFiles, serviceIdentityOf } from "@legation/contract";
import { describe, expect, it } from "vitest";
import { exchange } from "./http-exchange.js";
import type { AgentStatus } from "./status.js";
import type { AgentUnderTest } from "./testing/agent-process.js";
import { type ConsulProcess, consulVersions } from "./testing/consul-process.js";
import type { StandIn } from "./testing/control-plane.js";
import { useFixture } from "./testing/fixture.js";
import { until } from "./testing/until.js";

const fixture = useFixture();

async function world(version: (typeof consulVersions)[number]): Promise<{ consul: ConsulProcess; controlPlane: StandIn }> {
  const [consul, controlPlane] = await Promise.all([fixture.consul(version), fixture.controlPlane()]);
  return { consul, controlPlane };
}

async function start(consul: ConsulProcess, controlPlane: StandIn, config: Record<string, unknown> = {}): Promise<AgentUnderTest> {
  const agent = await fixture.agent({ consul: consul.url, config: { envoy: { enabled: true, concurrency: 1 }, ...config } });
  agent.start(controlPlane.flags);
  return agent;
}

const held = (directory: string, file: keyof typeof certificateFiles) => readFileSync(join(directory, certificateFiles[file]), "utf8");

async function directoryOf(agent: AgentUnderTest): Promise<string> {
  const { directory } = (await agent.status()).identity;
  if (directory === undefined) throw new Error("it has no certificate");
  return directory;
}

/** The serial numbers of the leaf and of the authorities that Envoy uses now, as its admin page tells. */
async function inEnvoy(agent: AgentUnderTest): Promise<{ leaves: string[]; authorities: number }> {
  const { envoyAdmin } = await agent.ready();
  const { body } = await exchange(`http://${envoyAdmin}/certs`, { timeoutMs: 2_000 });
  const { certificates = [] } = JSON.parse(body) as {
    certificates?: { ca_cert?: object[]; cert_chain?: { serial_number: string }[] }[];
  };
  const leaves = certificates.flatMap(({ cert_chain = [] }) => cert_chain.slice(0, 1).map(({ serial_number }) => number(serial_number)));
  return { leaves: [...new Set(leaves)], authorities: Math.max(0, ...certificates.map(({ ca_cert = [] }) => ca_cert.length)) };
}

/** Without the zeros that some write before it. */
const number = (hex: string) => hex.toLowerCase().replace(/^0+/, "");

/** The serial number of the certificate that the inbound listener shows to a client with this instance's own. */
async function handshake(agent: AgentUnderTest, directory: string): Promise<string> {
  const own: SecureContextOptions = { cert: held(directory, "leaf"), key: held(directory, "key"), ca: held(directory, "roots") };
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: agent.inbound, ...own, checkServerIdentity: () => undefined }, () => {
      const peer = socket.getPeerX509Certificate();
      socket.write("GET / HTTP/1.1\r\nhost: orders\r\nconnection: close\r\n\r\n");
      socket.once("data", (answer: Buffer) => {
        socket.destroy();
        if (answer.toString().startsWith("HTTP/1.1 200")) resolve(number(peer?.serialNumber ?? ""));
        else reject(new Error(answer.toString()));
      });
    });
    socket.once("error", reject);
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer")));
  });
}

describe.each(consulVersions)("an instance's certificate from Consul %s", (version) => {
  it("is there before Envoy starts, in files of its own, and Envoy takes up each new one without a restart", {
    timeout: 180_000,
  }, async () => {
    const { consul, controlPlane } = await world(version);
    const agent = await start(consul, controlPlane);
    const { pids } = await agent.ready();
    const { identity } = await agent.status();
    const directory = await directoryOf(agent);
    expect(identity).toMatchObject({ phase: "valid", renewals: 0, failures: 0 });
    expect(serviceIdentityOf(identity.spiffeId ?? "")).toMatchObject({ service: "orders", datacenter: "dc1", namespace: "default" });
    expect([statSync(directory).mode & 0o777, statSync(join(directory, certificateFiles.key)).mode & 0o777]).toEqual([0o700, 0o600]);
    const first = agent.events().map(({ event }) => event);
    expect(first.indexOf("identity.leaf-written")).toBeLessThan(first.indexOf("envoy.started"));
    expect(first.indexOf("identity.leaf-written")).toBeGreaterThan(-1);
    expect(await inEnvoy(agent)).toEqual({ leaves: [number(identity.serial ?? "")], authorities: 1 });
    expect(await handshake(agent, directory)).toBe(number(identity.serial ?? ""));

    let before = identity;
    for (const turn of [1, 2, 3]) {
      await rotateRoot(consul.url);
      const after = await until(
        `another leaf of another root, turn ${turn}`,
        async () => {
          const now = (await agent.status()).identity;
          return now.root !== before.root && now.serial !== before.serial && now;
        },
        90_000,
      );
      expect(after.directory).toBe(directory);
      await until("Envoy shows it", async () => (await inEnvoy(agent)).leaves.includes(number(after.serial ?? "")));
      expect((await inEnvoy(agent)).authorities).toBe(1 + turn);
      expect(await handshake(agent, directory)).toBe(number(after.serial ?? ""));
      before = after;
    }
    expect((await agent.status()).envoy).toMatchObject({ pid: pids.envoy, restarts: 0, handovers: 0 });
    const page = (await agent.ask("GET", "/v1/metrics")).body;
    const end = Number(/legation_agent_certificate_expiry_timestamp_seconds\{[^}]*\} (\S+)/.exec(page)?.[1]);
    expect(end).toBe(Date.parse(new X509Certificate(held(directory, "leaf")).validTo) / 1_000);
    expect(page).toMatch(/legation_agent_certificate_renewals_total\{[^}]*\} 3\n/);

    const key = held(directory, "key").split("\n")[1] ?? "";
    expect(key.length).toBeGreaterThan(40);
    for (const place of [agent.log(), page, JSON.stringify(await agent.status()), (await agent.ask("GET", "/v1/events")).body])
      expect(place).not.toContain(key);
  });

  it("outlives its agent and a Consul that is away, so that the next agent adopts Envoy as it is", { timeout: 120_000 }, async () => {
    const { consul, controlPlane } = await world(version);
    const agent = await start(consul, controlPlane);
    const { pids } = await agent.ready();
    const before = (await agent.status()).identity;
    agent.signal("SIGKILL");
    await agent.exited();
    await consul.kill();
    agent.start(controlPlane.flags);
    const after = await until("the next agent", async () => {
      const now = await agent.status();
      return now.envoy?.phase === "live" && now;
    });
    expect(after.envoy).toMatchObject({ pid: pids.envoy, handovers: 0, restarts: 0 });
    expect(after.identity).toMatchObject({ phase: "valid", serial: before.serial, directory: before.directory });
    expect(await handshake(agent, before.directory ?? "")).toBe(number(before.serial ?? ""));
    await consul.start();
    const renewed = await until(
      "a leaf of the CA that has taken the place of the one before",
      async () => {
        const now = (await agent.status()).identity;
        return now.renewals > 0 && now;
      },
      60_000,
    );
    expect(renewed.spiffeId).not.toBe(before.spiffeId);
  });
});

it("lies in another directory when its own is gone, and a hot restart tells Envoy of it", { timeout: 180_000 }, async () => {
  const { consul, controlPlane } = await world(newestConsul());
  const agent = await start(consul, controlPlane, { drain: { limit: "1s" } });
  await agent.ready();
  const before = await directoryOf(agent);
  rmSync(before, { recursive: true });
  await rotateRoot(consul.url);
  const { identity } = await until(
    "another Envoy",
    async () => {
      const now = await agent.status();
      return now.envoy?.handovers === 1 && now;
    },
    90_000,
  );
  expect(identity.directory).not.toBe(before);
  await until("Envoy's leaf of the new directory", async () => (await inEnvoy(agent)).leaves.includes(number(identity.serial ?? "")));
  expect(await handshake(agent, identity.directory ?? "")).toBe(number(identity.serial ?? ""));
});

it("is each service's own where many share an agent, which follows the roots once for all", { timeout: 180_000 }, async () => {
  const { consul } = await world(newestConsul());
  const fleet = await fixture.fleet({ consul: consul.url });
  const names = ["audit", "orders", "payments", "web"];
  for (const name of names) await fleet.write(name);
  fleet.start();
  const identities = (): Promise<AgentStatus["identity"][]> =>
    Promise.all(names.map(async (name) => (JSON.parse((await fleet.ask(`/services/${name}-1/status`)).body) as AgentStatus).identity));
  const before = await until("all have certificates", async () => {
    const all = await identities();
    return all.every(({ phase }) => phase === "valid") && all;
  });
  expect(before.map(({ spiffeId }) => serviceIdentityOf(spiffeId ?? "")?.service)).toEqual(names);
  expect(new Set(before.map(({ directory }) => directory)).size).toBe(names.length);
  await rotateRoot(consul.url);
  await until(
    "all have certificates of the new root",
    async () => (await identities()).every(({ root }, i) => root !== before[i]?.root),
    60_000,
  );
});
