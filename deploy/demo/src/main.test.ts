import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identify, isAlive, until } from "@legation/local";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ReadyFile } from "./ready-file.js";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));

describe("npm run demo", () => {
  let dir = "";
  let demo: ChildProcess | undefined;
  let said = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "legation-demo-test-"));
    mkdirSync(join(dir, "tmp"));
    said = "";
  });
  afterEach(async () => {
    if (demo && demo.exitCode === null && demo.signalCode === null) {
      demo.kill("SIGKILL");
      await until(() => readdirSync(join(dir, "tmp")).length === 0, { what: "the tether to clean up", limitMs: 30_000 });
    }
    rmSync(dir, { recursive: true, force: true });
  });

  function run(...flags: string[]): ChildProcess {
    const child = spawn(process.execPath, [program, ...flags], { env: { ...process.env, TMPDIR: join(dir, "tmp") } });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        said += chunk.toString();
      });
    demo = child;
    return child;
  }

  async function ready(): Promise<ReadyFile> {
    const file = join(dir, "demo.json");
    const running = run("--ready-file", file, "--rate", "20");
    await until(
      (note) => {
        note(said);
        return existsSync(file) || running.exitCode !== null;
      },
      { what: "the demo to be up", limitMs: 120_000 },
    );
    return JSON.parse(readFileSync(file, "utf8")) as ReadyFile;
  }

  const processes = ({ pids }: ReadyFile) =>
    [pids.consul, pids.controlPlane, ...Object.values(pids.instances).flatMap((parts) => Object.values(parts))].map((pid) => identify(pid));

  it("writes where everything is, answers, and leaves no process and no file after Ctrl-C", { timeout: 240_000 }, async () => {
    const file = await ready();
    expect(Object.keys(file.envoys).sort()).toEqual(["orders-1", "orders-2", "orders-3", "payments-1", "payments-2", "web-1"]);
    expect(Object.keys(file.agents).sort()).toEqual(Object.keys(file.envoys).sort());
    const answer = await fetch(file.web);
    expect(await answer.json()).toMatchObject({ shop: "Legation demo", answeredBy: ["web-1", expect.any(String), expect.any(String)] });
    expect((await fetch(`${file.consul}/v1/status/leader`)).ok && (await fetch(`${file.api}/services`)).ok).toBe(true);
    for (const admin of Object.values(file.envoys)) expect(await (await fetch(`${admin}/ready`)).text()).toContain("LIVE");
    await until(() => /\d\/s answered/.test(said), { what: "figures", limitMs: 30_000 });

    const running = processes(file);
    expect(running.every((one) => one && isAlive(one))).toBe(true);
    demo?.kill("SIGINT");
    expect(await once(demo as ChildProcess, "exit")).toEqual([0, null]);
    expect(said).toMatch(/ 0 failed/);
    expect(running.filter((one) => one && isAlive(one))).toEqual([]);
    expect(readdirSync(dir)).toEqual(["tmp"]);
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
  });

  it("leaves nothing either when it is killed with -9, and takes free ports for those that are taken", { timeout: 240_000 }, async () => {
    const taken = createServer().listen(10_000, "127.0.0.1");
    // Somebody else may have it already, which is as good.
    await once(taken, "listening").catch(() => undefined);
    const file = await ready();
    taken.close();
    expect(file.web).not.toBe("http://127.0.0.1:10000");
    expect(said).toContain("port 10000 is taken");
    const running = processes(file);
    demo?.kill("SIGKILL");
    await until(() => running.every((one) => !one || !isAlive(one)), { what: "every process to be ended", limitMs: 30_000 });
    await until(() => readdirSync(join(dir, "tmp")).length === 0, { what: "the directory to be removed", limitMs: 30_000 });
  });

  it("refuses a flag that it does not know, with the usage, and starts nothing", async () => {
    expect(await once(run("--onec"), "close")).toEqual([2, null]);
    expect(said).toContain("--onec");
    expect(said).toContain("--ready-file FILE");
  });

  it("explains itself", async () => {
    expect(await once(run("--help"), "close")).toEqual([0, null]);
    expect(said).toContain("npm run demo [-- flags]");
  });
});
