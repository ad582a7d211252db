import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "../testing/until.js";
import { createCommandProbe } from "./command-probe.js";

const env = { PATH: process.env["PATH"], GREETING: "hello" };
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const shell = (line: string) => createCommandProbe(["/bin/sh", "-c", line], { env }).look();
const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "legation-check-"));
  folders.push(made);
  return made;
};
const pidIn = (path: string) => until("the pid is written", () => Number(readFileSync(path, "utf8")) || undefined);

describe("a check by a command", () => {
  it.each([
    [0, "pass", "passes"],
    [1, "warn", "warns (exit code 1)"],
    [2, "fail", "failed with exit code 2"],
    [255, "fail", "failed with exit code 255"],
  ])("takes exit code %d for %s", async (code, outcome, cause) => {
    const line = `echo out; echo err >&2; exit ${code}`;
    const { message, output, ...rest } = await shell(line).result;
    expect(rest).toEqual({ outcome });
    expect(message).toBe(`command ${JSON.stringify(line)} ${cause}`);
    expect(output?.split("\n").sort()).toEqual(["err", "out"]);
  });

  it("runs a list as it is, with the service's variables and working directory", async () => {
    const cwd = folder();
    const probe = createCommandProbe([process.execPath, "-p", "process.env.GREETING + ' ' + process.cwd()"], { env, cwd });
    expect(await probe.look().result).toMatchObject({ outcome: "pass", output: `hello ${cwd}` });
  });

  it("says that it is not there, or was ended", async () => {
    expect(await createCommandProbe(["/no/such/command"], { env }).look().result).toEqual({
      outcome: "fail",
      message: 'command "/no/such/command" is not there',
    });
    expect((await shell("kill -9 $$").result).message).toMatch(/was ended by SIGKILL$/);
    expect((await createCommandProbe(["/tmp"], { env }).look().result).message).toBe('command "/tmp" cannot be run: EACCES');
  });

  it("keeps little of an output without end", async () => {
    const { outcome, output } = await shell("head -c 50000000 /dev/zero | tr '\\0' x").result;
    expect([outcome, output?.length]).toEqual(["pass", 256]);
  });

  it("ends the whole process group when it is given up", async () => {
    const path = join(folder(), "pid");
    const look = shell(`trap '' TERM; sleep 1000 & echo $! > ${path}; wait`);
    const pid = await pidIn(path);
    expect(lives(pid)).toBe(true);
    look.cancel();
    expect((await look.result).message).toMatch(/was ended by SIGKILL$/);
    await until("the child is gone", () => !lives(pid));
  });

  it("waits for nothing that it left in the background, and ends it", async () => {
    const path = join(folder(), "pid");
    const { outcome } = await shell(`sleep 1000 & echo $! > ${path}; exit 0`).result;
    expect(outcome).toBe("pass");
    const pid = await pidIn(path);
    await until("the child is gone", () => !lives(pid));
  });
});
