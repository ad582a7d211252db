import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { useFixture } from "./testing/fixture.js";
import { until } from "./testing/until.js";

const fixture = useFixture();

it("waits for a Consul that does not answer, says so, and can be stopped", { timeout: 60_000 }, async () => {
  const agent = await fixture.agent();
  agent.start();
  const status = await until("it waits", async () => {
    const now = await agent.status();
    return now.state === "waiting" && now;
  });
  expect(status.reason).toMatch(/Consul at http:\/\/127.0.0.1:1 did not answer/);
  agent.signal("SIGTERM");
  expect(await agent.exited()).toBe(0);
});

it("names the port that is taken and the flag that changes it", { timeout: 60_000 }, async () => {
  const consul = (await fixture.consul()).url;
  const agent = await fixture.agent({ consul, config: { envoy: { enabled: true } } });
  const server = createServer().listen(agent.inbound, "127.0.0.1");
  fixture.atEnd(() => server.close());
  await until("the port is taken", () => server.listening);
  agent.start();
  expect(await agent.exited()).toBe(1);
  expect(agent.log()).toMatch(new RegExp(`port ${agent.inbound} is in use by another process: Envoy's inbound listener .*--inbound-addr`));
});

it("says how to get an Envoy when there is none, and refuses one that is too old", { timeout: 60_000 }, async () => {
  const consul = (await fixture.consul()).url;
  const missing = await fixture.agent({ consul, config: { envoy: { enabled: true } }, env: { ENVOY_BIN: "/nowhere/envoy" } });
  missing.start();
  expect(await missing.exited()).toBe(1);
  expect(missing.log()).toMatch(/there is no executable Envoy at \/nowhere\/envoy .*npm run setup.*ENVOY_BIN.*envoy.enabled: false/);

  const old = await fixture.agent({ consul, config: { envoy: { enabled: true } } });
  const binary = join(old.directory, "envoy");
  writeFileSync(binary, "#!/bin/sh\necho 'envoy  version: 0123abc/1.20.1/Clean/RELEASE/BoringSSL'\n");
  chmodSync(binary, 0o755);
  old.start(["--config", join(old.directory, "old.yaml")]);
  expect(await old.exited()).toBe(2);
  writeFileSync(join(old.directory, "old.yaml"), JSON.stringify({ envoy: { binary } }));
  old.start(["--config", join(old.directory, "old.yaml")]);
  expect(await old.exited()).toBe(1);
  expect(old.log()).toMatch(/is Envoy 1.20.1; Legation needs 1.30.0 or later/);
});

it("refuses a second agent in one state directory, and the first one goes on", { timeout: 60_000 }, async () => {
  const consul = (await fixture.consul()).url;
  const agent = await fixture.agent({ consul });
  agent.start();
  await agent.ready();
  const second = await fixture.agent({ consul, id: "orders-2", stateDir: join(agent.directory, "state") });
  second.start();
  expect(await second.exited()).toBe(1);
  expect(second.log()).toMatch(/another agent \(pid \d+\) uses the state directory .*--state-dir/);
  expect((await agent.status()).state).toBe("running");
});

it("fails a command that cannot be started after its attempts, with the reason", { timeout: 60_000 }, async () => {
  const consul = await fixture.consul();
  const agent = await fixture.agent({ consul: consul.url, config: { command: ["/nowhere/app"], restart: { base: "10ms" } } });
  agent.start();
  const status = await until("it has failed", async () => {
    const now = await agent.status();
    return now.state === "failed" && now;
  });
  expect(status.reason).toBe('cannot start "/nowhere/app": not found; 3 attempts are used up');
  expect(await consul.get("/health/service/orders")).toEqual([]);
});
