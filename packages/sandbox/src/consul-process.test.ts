import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConsulProcess, startConsul } from "./consul-process.js";
import { openSandbox, type Sandbox } from "./sandbox.js";
import { consulVersions } from "./tool.js";
import { until } from "./until.js";

describe.each(consulVersions())("Consul %s", (version) => {
  let sandbox: Sandbox;
  beforeAll(() => {
    sandbox = openSandbox({ name: "legation-consul" });
  });
  afterAll(async () => {
    await sandbox.stop();
  });

  const put = (consul: ConsulProcess) => fetch(`${consul.url}/v1/kv/word`, { method: "PUT", body: "kept" });
  const word = async (consul: ConsulProcess) => (await fetch(`${consul.url}/v1/kv/word?raw`)).text();

  it("starts in its dev mode, and comes back empty on the same port", async () => {
    const consul = await startConsul(sandbox, { version });
    expect(consul.version).toBe(version);
    expect((await consul.get<{ Node: string }[]>("/v1/catalog/nodes"))[0]?.Node).toBe("legation-local");
    await put(consul);
    expect(await word(consul)).toBe("kept");
    await consul.kill9();
    expect(consul.running).toBe(false);
    await expect(consul.get("/v1/status/leader")).rejects.toThrow();
    await consul.restart({ keepData: false });
    expect(await word(consul)).toBe("");
    await expect(consul.restart({ keepData: true })).rejects.toThrow("durable: true");
  });

  it("keeps its data over a kill when it is durable, and forgets them when told to", async () => {
    const consul = await startConsul(sandbox, { version, durable: true });
    await put(consul);
    await consul.kill9();
    await consul.restart({ keepData: true });
    expect(await word(consul)).toBe("kept");
    await consul.restart({ keepData: false });
    expect(await word(consul)).toBe("");
  });

  it("answers nothing while it is frozen, and goes on after that", async () => {
    const consul = await startConsul(sandbox, { version });
    await consul.freeze();
    await expect(fetch(`${consul.url}/v1/status/leader`, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
    consul.thaw();
    await until(() => consul.get<string>("/v1/status/leader"), { what: "Consul to answer again", limitMs: 20_000 });
  });

  it("names its web UI where it has one", async () => {
    const consul = await startConsul(sandbox, { version });
    if (consul.ui === undefined) expect((await fetch(`${consul.url}/ui/`)).ok).toBe(false);
    else expect(await (await fetch(consul.ui)).text()).toContain("Consul");
  });
});
