import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { AgentUnderTest } from "./testing/agent-process.js";
import { useFixture } from "./testing/fixture.js";
import { bindNotifySocket } from "./testing/notify-socket.js";
import { until } from "./testing/until.js";

const fixture = useFixture();
let directory: string;
beforeEach(() => {
  directory = fixture.directory();
});

async function start(config: Record<string, unknown>, env: Record<string, string> = {}): Promise<AgentUnderTest> {
  const agent = await fixture.agent({ config: { discovery: false, ...config }, env });
  agent.start();
  return agent;
}

describe("the service's process, as configured", () => {
  it("has its variables, files of variables, directory, umask, limits and user", { timeout: 60_000 }, async () => {
    writeFileSync(join(directory, "a.env"), '# first\nFROM_FILE=a\nBOTH=file\nQUOTED="x y"\n');
    const root = process.getuid?.() === 0;
    const script = `{ echo "$FROM_FILE $BOTH $QUOTED"; pwd; umask; ulimit -n; id -u; } > ${directory}/said.part; mv ${directory}/said.part ${directory}/said; exec sleep 60`;
    const agent = await start({
      command: ["/bin/sh", "-c", script],
      env: { BOTH: "env" },
      envFiles: [join(directory, "a.env")],
      cwd: directory,
      umask: "027",
      limits: { nofile: 123, core: 0 },
      ...(root ? { user: "0" } : {}),
      health: { interval: "10s" },
    });
    await until("the process has spoken", () => existsSync(join(directory, "said")));
    const said = readFileSync(join(directory, "said"), "utf8").trim().split("\n");
    expect(said).toEqual(["a env x y", directory, "0027", "123", String(process.getuid?.())]);
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(0);
  });

  it("is not begun with a user that there is not, or a file of variables that cannot be read", { timeout: 60_000 }, async () => {
    const nobody = await start({ user: "no-such-user" });
    expect(await nobody.exited()).toBe(2);
    expect(nobody.log()).toContain('user: "no-such-user" is not in /etc/passwd. Add it, or write its number');
    const missing = await start({ envFiles: [join(directory, "gone.env")] });
    expect(await missing.exited()).toBe(2);
    expect(missing.log()).toMatch(/envFiles: .*gone\.env cannot be read: .*\. Write it, or take it out of envFiles/);
  });

  it("is surrounded by its hooks, whose outcomes are in the log", { timeout: 60_000 }, async () => {
    const agent = await start({
      hooks: {
        beforeStart: { command: "echo migrating" },
        afterStart: { command: "exit 9" },
        beforeStop: { command: ["true"] },
        afterStop: { command: ["sleep", "60"], timeout: "100ms" },
      },
    });
    await agent.ready();
    await until("the hook after the start has failed", () => agent.events().some(({ event }) => event === "service.hook-failed"));
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(7);
    const hooks = agent.events().filter(({ event }) => event === "service.hook" || event === "service.hook-failed");
    expect(hooks.map(({ hook, problem }) => [hook, problem])).toEqual([
      ["beforeStart", undefined],
      ["afterStart", "exited with code 9"],
      ["beforeStop", undefined],
      ["afterStop", "took longer than 100 ms and was ended"],
    ]);
    expect(agent.events().some(({ event, line }) => event === "service.output" && line === "migrating")).toBe(true);
  });
});

describe("an agent under systemd", () => {
  it("reports ready when it serves, its signs of life, reloads and its stop; the service knows nothing of it", {
    timeout: 60_000,
  }, async () => {
    const socket = await bindNotifySocket(join(directory, "notify"));
    fixture.atEnd(() => socket.close());
    const { received } = socket;
    const env = { NOTIFY_SOCKET: join(directory, "notify"), WATCHDOG_USEC: "400000" };
    const agent = await start({}, env);
    const { pids } = await agent.ready();
    await until("READY", () => received().includes("READY=1 STATUS=orders-1 serves"));
    await until("signs of life", () => received().filter((line) => line === "WATCHDOG=1").length > 2);
    agent.signal("SIGHUP");
    await until("the end of the reload", () => received().filter((line) => line.startsWith("READY=1")).length === 2);
    expect(readFileSync(`/proc/${pids.app}/environ`, "utf8")).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(7);
    await until("STOPPING", () => received().includes("STOPPING=1"));
    expect(received().some((line) => line.startsWith("RELOADING=1"))).toBe(true);
  });
});
