import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { identify, isAlive } from "./process-identity.js";
import { openSandbox } from "./sandbox.js";
import { until } from "./until.js";

const forever = "setInterval(() => {}, 60_000)";
const built = fileURLToPath(new URL("../dist/sandbox.js", import.meta.url));
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

const gone = (pids: readonly number[]) =>
  until(
    (note) => {
      const left = pids.filter((pid) => identify(pid));
      note(`still there: ${left.join(", ")}`);
      return left.length === 0;
    },
    { what: "the processes to be gone", limitMs: 20_000 },
  );

/** Runs a program that opens a sandbox, and resolves with the JSON that it prints. */
async function starter<T>(body: string): Promise<{ child: ChildProcess; said: T }> {
  const program = `import { openSandbox } from ${JSON.stringify(built)};
    import { spawn } from "node:child_process";
    const say = (value) => console.log(JSON.stringify(value));
    const forever = ${JSON.stringify(forever)};
    const sandbox = openSandbox({ name: "legation-test" });
    ${body}
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`the starter ended with ${code}`)));
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended]);
  ended.catch(() => undefined);
  return { child, said: JSON.parse(String(line)) as T };
}

describe("the tether", () => {
  it("ends a child and what that child left behind, and removes the directory, when the starter is killed with -9", async () => {
    const { child, said } = await starter<{ dir: string; pids: number[] }>(`
      const parent = await sandbox.start({ name: "parent", file: process.execPath, args: ["-e", \`
        const { spawn } = require("node:child_process");
        const left = spawn(process.execPath, ["-e", "\${forever}"], { detached: true, stdio: "ignore" });
        require("node:fs").writeFileSync("left.pid", String(left.pid));
        \${forever}\`], cwd: sandbox.dir });
      const { existsSync, readFileSync } = await import("node:fs");
      const file = sandbox.dir + "/left.pid";
      while (!existsSync(file) || readFileSync(file, "utf8") === "") await new Promise((resolve) => setTimeout(resolve, 10));
      say({ dir: sandbox.dir, pids: [parent.pid, Number(readFileSync(file, "utf8"))] });`);
    expect(said.pids.every((pid) => identify(pid))).toBe(true);
    child.kill("SIGKILL");
    await gone(said.pids);
    await until(() => !existsSync(said.dir), { what: "the directory to be removed", limitMs: 20_000 });
  });

  it("ends a process that is known by an agent's record only, and none that merely has a recorded pid", async () => {
    const sandbox = openSandbox({ name: "legation-test" });
    const bare = () => {
      const child = spawn(process.execPath, ["-e", forever], { stdio: "ignore", env: {} });
      started.push(child);
      return child.pid ?? 0;
    };
    const [recorded, stranger] = [identify(bare()), identify(bare())];
    const state = sandbox.makeDir("agents/web-1");
    writeFileSync(join(state, "app.json"), JSON.stringify({ ...recorded, boot: "x" }));
    writeFileSync(join(state, "envoy.json"), JSON.stringify({ ...stranger, startTime: "1" }));
    writeFileSync(join(state, "half-written.json"), '{"pid": 1');
    expect(await sandbox.stop()).toEqual({ ended: [recorded?.pid], survivors: [] });
    expect(stranger && isAlive(stranger)).toBe(true);
  });

  it("is replaced when it is killed itself", async () => {
    const { child, said } = await starter<{ dir: string; pid: number; tether: number }>(`
      const one = await sandbox.start({ name: "one", file: process.execPath, args: ["-e", forever] });
      const first = sandbox.tether;
      process.kill(first, "SIGKILL");
      while (sandbox.tether === first) await new Promise((resolve) => setTimeout(resolve, 10));
      say({ dir: sandbox.dir, pid: one.pid, tether: sandbox.tether });`);
    child.kill("SIGKILL");
    await gone([said.pid, said.tether]);
    expect(existsSync(said.dir)).toBe(false);
  });
});

describe("a sandbox", () => {
  it("stops its parts in reverse order, every one even when one fails, and then throws the failure", async () => {
    const sandbox = openSandbox({ name: "legation-test" });
    const order: string[] = [];
    sandbox.onStop(() => order.push("consul"));
    sandbox.onStop(() => {
      throw new Error("broken");
    });
    sandbox.onStop(() => order.push("web"));
    await expect(sandbox.stop()).rejects.toThrow("broken");
    expect(order).toEqual(["web", "consul"]);
    expect(existsSync(sandbox.dir)).toBe(false);
  });

  it("tells which children had to be ended, and leaves none of its own stops to the tether", async () => {
    const sandbox = openSandbox({ name: "legation-test" });
    const orderly = await sandbox.start({ name: "orderly", file: process.execPath, args: ["-e", forever] });
    const forgotten = await sandbox.start({ name: "forgotten", file: process.execPath, args: ["-e", forever] });
    sandbox.onStop(() => orderly.stop(5_000));
    expect(await sandbox.stop()).toEqual({ ended: [forgotten.pid], survivors: [] });
    expect(orderly.exit).toEqual({ code: null, signal: "SIGTERM" });
  });

  it("kills a child that does not heed SIGTERM within the limit", async () => {
    const sandbox = openSandbox({ name: "legation-test" });
    const script = `process.on("SIGTERM", () => console.log("no")); console.log("ready"); ${forever}`;
    const stubborn = await sandbox.start({ name: "stubborn", file: process.execPath, args: ["-e", script] });
    await until(() => stubborn.tail().includes("ready"), { what: "the child to be ready", limitMs: 20_000 });
    expect(await stubborn.stop(100)).toEqual({ code: null, signal: "SIGKILL" });
    expect(stubborn.tail(1)).toBe("no");
    await sandbox.stop();
  });

  it("keeps settings for Consul, services and Legation out of its children's environment", async () => {
    process.env["CONSUL_HTTP_TOKEN"] = "secret";
    const sandbox = openSandbox({ name: "legation-test" });
    const show = await sandbox.start({
      name: "show",
      file: process.execPath,
      args: ["-p", "JSON.stringify(process.env)"],
      env: { SERVICE: "web" },
    });
    await show.exited;
    delete process.env["CONSUL_HTTP_TOKEN"];
    expect(JSON.parse(show.tail())).toMatchObject({ SERVICE: "web" });
    expect(show.tail()).not.toContain("secret");
    await sandbox.stop();
  });

  it("says what can't be started", async () => {
    const sandbox = openSandbox({ name: "legation-test" });
    await expect(sandbox.start({ name: "ghost", file: "/no/such/program", args: [] })).rejects.toThrow("ghost could not be started");
    await sandbox.stop();
  });

  it("is cleaned up even when its tether was killed just before", async () => {
    const sandbox = openSandbox({ name: "legation-test" });
    const forgotten = await sandbox.start({ name: "forgotten", file: process.execPath, args: ["-e", forever] });
    process.kill(sandbox.tether, "SIGKILL");
    expect(await sandbox.stop()).toEqual({ ended: [forgotten.pid], survivors: [] });
    expect(existsSync(sandbox.dir)).toBe(false);
  });

  it("keeps a directory that it was given", async () => {
    const dir = mkdtempSync(join(tmpdir(), "legation-kept-"));
    const sandbox = openSandbox({ dir });
    const child = await sandbox.start({ name: "hello", file: process.execPath, args: ["-p", "'hello'"] });
    await child.exited;
    await sandbox.stop();
    expect(readFileSync(join(dir, "log/hello.log"), "utf8")).toBe("hello\n");
    rmSync(dir, { recursive: true });
  });
});
