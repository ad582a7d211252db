import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, systemClock } from "@legation/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProcessSpec } from "../process/running.js";
import { until } from "../testing/until.js";
import { createHookRunner, type HookName } from "./hooks.js";
import { createSupervisor, type Supervisor } from "./supervisor.js";

let directory: string;
const supervisors: Supervisor[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "legation-supervisor-"));
});
afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) {
    supervisor.dispatch({ kind: "stop", cause: "the test is over" });
    await supervisor.end(AbortSignal.abort());
  }
  rmSync(directory, { recursive: true, force: true });
});

const notes = (): string[] => {
  const path = join(directory, "notes");
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
};
const note = (word: string): readonly string[] => ["/bin/sh", "-c", `echo ${word} >> ${directory}/notes`];
const service = (script: string): readonly string[] => ["/bin/sh", "-c", `echo service >> ${directory}/notes; ${script}`];
const waiting = "trap 'exit 0' TERM USR1; while :; do sleep 0.02; done";

/** A supervisor of a shell, with the given hooks; its service counts as healthy as soon as it was started. */
function make(
  script: string,
  hooks: Partial<Record<HookName, readonly string[]>> = {},
  over: { timeout?: number; stopSignal?: "SIGUSR1"; begin?: false } = {},
) {
  const launch: ProcessSpec = {
    argv: service(script),
    env: { PATH: process.env["PATH"] },
    outputPath: join(directory, "app.log"),
    recordPath: join(directory, "app.json"),
    digest: "d",
  };
  const log = createLogger({ name: "test", level: "silent" });
  const { timeout = 10_000, stopSignal = "SIGTERM" } = over;
  const all = { beforeStart: { timeout }, afterStart: { timeout }, beforeStop: { timeout }, afterStop: { timeout } };
  const named = Object.fromEntries(Object.entries(hooks).map(([name, command]) => [name, { command, timeout }]));
  const supervisor = createSupervisor({
    launch,
    hooks: createHookRunner({ hooks: { ...all, ...named }, launch, recordPath: join(directory, "hook.json"), clock: systemClock, log }),
    policy: { attempts: 1, base: 10, resetAfter: 300_000, autoRecovery: true, owned: true },
    stopSignal,
    stopTimeout: 10_000,
    kept: {},
    clock: systemClock,
    log,
    onStarted: () => supervisor.dispatch({ kind: "healthy", cause: "it was started" }),
    onChange: () => {},
  });
  supervisors.push(supervisor);
  if (over.begin !== false) supervisor.dispatch({ kind: "start", cause: "the test begins" });
  return supervisor;
}

const running = (supervisor: Supervisor) =>
  until("the service runs", () => supervisor.state.phase === "running" && notes().includes("service") && supervisor.pid);
const stop = async (supervisor: Supervisor, hurry = new AbortController().signal) => {
  supervisor.dispatch({ kind: "stop", cause: "SIGTERM" });
  return await supervisor.end(hurry);
};

describe("the supervisor", () => {
  it("runs each hook at its place in a life", async () => {
    const hooks = {
      beforeStart: note("before-start"),
      afterStart: note("after-start"),
      beforeStop: note("before-stop"),
      afterStop: note("after-stop"),
    };
    const supervisor = make(waiting, hooks);
    await running(supervisor);
    await until("the hook after the start", () => notes().includes("after-start"));
    expect((await stop(supervisor))?.killed).toBe(false);
    expect(notes().filter((word) => word !== "after-start")).toEqual(["before-start", "service", "before-stop", "after-stop"]);
  });

  it("tells a hook its name and cause, and gives it the service's environment", async () => {
    const supervisor = make(waiting, { beforeStart: ["/bin/sh", "-c", `echo "$LEGATION_HOOK: $LEGATION_CAUSE" >> ${directory}/notes`] });
    await running(supervisor);
    expect(notes()[0]).toBe("beforeStart: the test begins");
  });

  it("counts a failed hook before the start as a failed start, and backs off until it has failed", async () => {
    const supervisor = make(waiting, { beforeStart: ["/bin/sh", "-c", `echo hook >> ${directory}/notes; exit 3`] });
    await until("the attempts are used up", () => supervisor.state.phase === "failed");
    expect(supervisor.state.lastError).toBe("the hook before the start exited with code 3");
    expect(notes()).toEqual(["hook", "hook"]);
  });

  it("ends a hook that takes longer than its limit", async () => {
    const supervisor = make(waiting, { beforeStart: ["sleep", "60"] }, { timeout: 50 });
    await until("the attempts are used up", () => supervisor.state.phase === "failed");
    expect(supervisor.state.lastError).toBe("the hook before the start took longer than 50 ms and was ended");
  });

  it("goes on when another hook fails, and runs the one after the stop after a crash too", async () => {
    const fail = ["/bin/sh", "-c", `echo failed >> ${directory}/notes; exit 1`];
    const supervisor = make("exit 1", { afterStart: fail, beforeStop: fail, afterStop: note("after-stop") });
    await until("the attempts are used up", () => supervisor.state.phase === "failed");
    expect(notes().filter((word) => word !== "failed")).toEqual(["service", "after-stop", "service", "after-stop"]);
    expect(supervisor.state.lastError).toBe("the service exited with code 1");
  });

  it("cuts a start short for a stop, and starts nothing any more", async () => {
    const supervisor = make(waiting, { beforeStart: ["/bin/sh", "-c", `echo hook >> ${directory}/notes; sleep 60`] });
    await until("the hook runs", () => notes().includes("hook"));
    expect(await stop(supervisor)).toBeUndefined();
    expect(supervisor.state.phase).toBe("stopping");
    expect(notes()).toEqual(["hook"]);
  });

  it("starts anew when a restart is asked for while it prepares the start", async () => {
    const once = `[ -e ${directory}/once ] && exit 0; touch ${directory}/once; echo hook >> ${directory}/notes; sleep 60`;
    const supervisor = make(waiting, { beforeStart: ["/bin/sh", "-c", once] });
    await until("the hook runs", () => notes().includes("hook"));
    expect(supervisor.restart("asked", false)).toBeUndefined();
    await running(supervisor);
    expect(supervisor.state).toMatchObject({ restarts: 1, attempts: 0 });
  });

  it("asks the process to end by the signal that it wants", async () => {
    const script = `trap 'echo usr1 >> ${directory}/notes; exit 0' USR1; trap '' TERM; while :; do sleep 0.02; done`;
    const supervisor = make(script, {}, { stopSignal: "SIGUSR1" });
    await running(supervisor);
    expect(await stop(supervisor)).toEqual({ exit: { code: 0 }, killed: false });
    expect(notes()).toContain("usr1");
  });

  it("does not wait any longer for a hook once it is hurried", async () => {
    const supervisor = make(waiting, { beforeStop: ["/bin/sh", "-c", `echo slow >> ${directory}/notes; sleep 60`] });
    await running(supervisor);
    const hurry = new AbortController();
    const ended = stop(supervisor, hurry.signal);
    await until("the hook runs", () => notes().includes("slow"));
    hurry.abort();
    expect((await ended)?.killed).toBe(false);
  });

  it("leaves the end of a process that it has let go of to the one that adopted it", async () => {
    const first = make(waiting, { afterStop: note("after") });
    await running(first);
    first.letGo();
    const second = make(waiting, { afterStop: note("after") }, { begin: false });
    expect(second.adopt()).toBe(true);
    second.dispatch({ kind: "adopt", cause: "test" });
    process.kill(second.pid ?? 0, "SIGKILL");
    await until("the next start", () => second.state.restarts === 1 && second.state.phase === "running");
    expect(notes().filter((word) => word === "after")).toEqual(["after"]);
    expect(first.state).toMatchObject({ phase: "running", restarts: 0 });
  });
});
