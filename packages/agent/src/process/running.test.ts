import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@legation/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../testing/until.js";
import { groupLives, identify, isAlive } from "./identity.js";
import { adoptProcess, describeExit, leftoverOf, type ProcessSpec, type Running, startProcess } from "./running.js";

let directory: string;
const started: Running[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "legation-process-"));
});
afterEach(async () => {
  for (const running of started.splice(0)) await running.end(0);
  rmSync(directory, { recursive: true, force: true });
});

const spec = (script: string): ProcessSpec => ({
  argv: ["/bin/sh", "-c", script],
  env: { PATH: process.env["PATH"] },
  outputPath: join(directory, "out.log"),
  recordPath: join(directory, "record.json"),
  digest: "d",
});
const output = () => (existsSync(join(directory, "out.log")) ? readFileSync(join(directory, "out.log"), "utf8") : "");
async function start(script: string): Promise<Running> {
  const running = await startProcess(spec(script), systemClock);
  started.push(running);
  return running;
}

describe("a process that outlives the agent", () => {
  it("runs, and can be ended, although its record cannot be written", async () => {
    mkdirSync(join(directory, "record.json.new"));
    const running = await start("sleep 60");
    expect(isAlive(running.record)).toBe(true);
    await running.end(5_000);
    expect(isAlive(running.record)).toBe(false);
  });

  it("leaves a group that can be found and ended when only the process itself has died", async () => {
    const first = await start("sleep 60 & echo both; sleep 60; true");
    await until("the members of the group", () => output() === "both\n");
    expect(leftoverOf(spec("").recordPath, systemClock)).toBeUndefined();
    process.kill(first.record.pid, "SIGKILL");
    await first.exited;
    const left = leftoverOf(spec("").recordPath, systemClock);
    expect(left?.record.pid).toBe(first.record.pid);
    await left?.end(5_000);
    expect(groupLives(first.record.pid)).toBe(false);
    expect(leftoverOf(spec("").recordPath, systemClock)).toBeUndefined();
  });

  it("writes its output to the file, and its exit is known", async () => {
    const running = await start("echo out; echo err >&2; exit 4");
    expect(await running.exited).toEqual({ code: 4 });
    expect(output()).toBe("out\nerr\n");
  });

  it("is adopted by its record, and its end is noticed without being its parent", async () => {
    const running = await start("sleep 60");
    const adopted = adoptProcess(join(directory, "record.json"), systemClock);
    expect(adopted?.record).toEqual(running.record);
    running.signal("SIGKILL");
    expect(await adopted?.exited).toEqual({});
    expect(adoptProcess(join(directory, "record.json"), systemClock)).toBeUndefined();
  });

  it("is not adopted when its pid now belongs to another process, or after a reboot", async () => {
    const { record } = await start("sleep 60");
    const path = join(directory, "other.json");
    for (const changed of [{ startTime: "1" }, { boot: "another" }]) {
      writeFileSync(path, JSON.stringify({ ...record, ...changed }));
      expect(adoptProcess(path, systemClock)).toBeUndefined();
    }
    writeFileSync(path, "{ broken");
    expect(adoptProcess(path, systemClock)).toBeUndefined();
  });

  it("ends with its whole group, by SIGKILL where SIGTERM does not help", async () => {
    const polite = await start("sleep 61 & wait");
    expect(await polite.end(5_000)).toMatchObject({ killed: false, exit: { signal: "SIGTERM" } });
    expect(existsSync(join(directory, "record.json"))).toBe(false);
    const stubborn = await start("trap '' TERM; echo trapped; while :; do sleep 0.1; done");
    await until("the trap is set", () => output().includes("trapped"));
    expect(await stubborn.end(100)).toMatchObject({ killed: true, exit: { signal: "SIGKILL" } });
    expect(groupLives(stubborn.record.pid)).toBe(false);
  });

  it("is killed soon after a hurry, however long its limit", async () => {
    const stubborn = await start("trap '' TERM; echo trapped; while :; do sleep 0.1; done");
    await until("the trap is set", () => output().includes("trapped"));
    const began = performance.now();
    expect((await stubborn.end(60_000, AbortSignal.abort())).killed).toBe(true);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it("says what could not be started", async () => {
    await expect(startProcess({ ...spec(""), argv: ["/nowhere/app"] }, systemClock)).rejects.toThrow(
      'cannot start "/nowhere/app": not found',
    );
    await expect(startProcess({ ...spec(""), cwd: "/nowhere" }, systemClock)).rejects.toThrow(
      "its working directory /nowhere is not there",
    );
  });

  it("runs as another user when root starts it, and says that only root may", async () => {
    const other = startProcess({ ...spec("id -u"), user: { uid: 65_534, gid: 65_534 } }, systemClock);
    if (process.getuid?.() !== 0) return await expect(other).rejects.toThrow("only root may start it as another user");
    await (await other).exited;
    expect(output()).toBe("65534\n");
  });

  it("may be held: it has a parent that outlives the agent, and its exit is known all the same", async () => {
    const held = async (script: string): Promise<Running> => {
      const running = await startProcess({ ...spec(script), held: true }, systemClock);
      started.push(running);
      return running;
    };
    const polite = await held("echo $$; trap 'exit 3' TERM; while :; do sleep 0.02; done");
    await until("it has spoken", () => output() !== "");
    expect(output()).toBe(`${polite.record.pid}\n`);
    expect(polite.record.group).not.toBe(polite.record.pid);
    expect(adoptProcess(join(directory, "record.json"), systemClock)?.record).toEqual(polite.record);
    expect(await polite.end(10_000)).toEqual({ exit: { code: 3 }, killed: false });
    expect(groupLives(polite.record.group ?? 0)).toBe(false);
    const killed = await held("exec sleep 60");
    process.kill(killed.record.pid, "SIGKILL");
    expect(await killed.exited).toEqual({ signal: "SIGKILL" });
  });

  it("describes an exit in words", () => {
    expect([{ code: 1 }, { signal: "SIGSEGV" as const }, {}].map(describeExit)).toEqual([
      "exited with code 1",
      "ended by SIGSEGV",
      "ended (its exit code went to the agent that started it)",
    ]);
  });
});

describe("the identity of a process", () => {
  const stat = (name: string, state: string) => `7 (${name}) ${state} 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0`;
  const proc = (name: string, state: string) => (path: string) => (path === "/proc/7/stat" ? stat(name, state) : "boot-id\n");

  it("is read whatever the process calls itself", () => {
    expect(identify(7, proc("a) R (b", "S"))).toEqual({ pid: 7, startTime: "4711", boot: "boot-id" });
  });
  it("is none for a zombie", () => {
    expect(identify(7, proc("app", "Z"))).toBeUndefined();
    expect(groupLives(7, proc("app", "Z"), () => ["7", "self"])).toBe(false);
    expect(groupLives(7, proc("app", "S"), () => ["7", "self"])).toBe(true);
  });
  it("holds for this very process", () => {
    const me = identify(process.pid);
    expect(me && isAlive(me)).toBe(true);
  });
});
