import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBackoff, createLogger, systemClock } from "@legation/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adoptProcess, readRecord } from "../process/running.js";
import { until } from "../testing/until.js";
import { createEnvoyProcesses } from "./processes.js";
import { createEnvoyRunner, type EnvoyRunner } from "./runner.js";

let directory: string;
const runners: EnvoyRunner[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "legation-runner-"));
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop(0);
  rmSync(directory, { recursive: true, force: true });
});

/** A runner of a program that stands in for Envoy: it notes each start, and lives until it is told to end. */
function make(
  checkPorts: () => Promise<void> = async () => {},
  afterSpawn: () => Promise<void> = async () => {},
): { runner: EnvoyRunner; starts: () => number } {
  const binary = join(directory, "envoy");
  writeFileSync(binary, `#!/bin/sh\necho started >> ${directory}/starts\nexec sleep 60\n`);
  writeFileSync(join(directory, "starts"), "");
  chmodSync(binary, 0o700);
  const log = createLogger({ name: "test", level: "silent" });
  const file = (name: string): string => join(directory, name);
  const processes = createEnvoyProcesses(
    {
      bootstrapPath: file("bootstrap.json"),
      recordPath: file("envoy.json"),
      parentRecordPath: file("envoy-parent.json"),
      outputPath: file("envoy.log"),
      env: process.env,
    },
    systemClock,
    log,
  );
  const runner = createEnvoyRunner({
    build: { binary, bootstrap: "{}", concurrency: 1, logLevel: "warning", drainTime: 1_000 },
    writeBootstrap: async () => {},
    nodeId: "node/a",
    inboundPort: 7,
    answerWithin: 10_000,
    processes: {
      ...processes,
      async start(...asked) {
        const started = await processes.start(...asked);
        await afterSpawn();
        return started;
      },
    },
    admin: {
      ready: async () => "LIVE",
      listeningPorts: async () => new Set([7]),
      clusters: async () => new Map(),
      hosts: async () => [],
      takesPlaintext: async () => true,
      inFlight: async () => 0,
      flushed: async () => 0,
      drainInbound: async () => {},
      closeInbound: async () => {},
      identity: async () => ({ nodeId: "node/a", version: "", epoch: 0 }),
      hotRestartVersion: async () => "none",
      connected: async () => true,
      figures: async () => "",
      dump: async () => ({}),
      answered: async () => ({ requests: 0, failures: 0 }),
      reconnect: () => {},
      close: () => {},
    },
    checkBinary: async () => {},
    checkPorts,
    controlPlanes: "127.0.0.1:18000",
    clock: systemClock,
    backoff: createBackoff({ base: 20, max: 50 }),
    log,
    onChange: () => {},
  });
  runners.push(runner);
  return { runner, starts: () => readFileSync(join(directory, "starts"), "utf8").split("\n").length - 1 };
}

/** Holds back whoever passes while it is shut. */
function createGate() {
  let hold: Promise<void> = Promise.resolve();
  let open: () => void = () => {};
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    pass: async () => {
      asked += 1;
      await hold;
    },
    shut() {
      hold = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => open(),
    /** Resolves when those that were let through have gone on. */
    async over() {
      await hold;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const live = (runner: EnvoyRunner) => until("Envoy to be live", () => runner.state.phase === "live");

describe("the runner of Envoy", () => {
  it("tries again when a replacement cannot be started at once", async () => {
    let refusals = 0;
    const { runner } = make(async () => {
      if (refusals-- > 0) throw new Error("port 7 is in use");
    });
    await runner.begin();
    await live(runner);
    refusals = 2;
    await runner.restart("asked");
    await live(runner);
    expect(refusals).toBe(-1);
  });

  it("starts one Envoy, not two, when a replacement is asked for while it waits to start again", async () => {
    const gate = createGate();
    const { runner, starts } = make(gate.pass);
    await runner.begin();
    await live(runner);
    await until("the first start", () => starts() === 1);
    gate.shut();
    process.kill(runner.state.pid ?? 0, "SIGKILL");
    await until("the attempt after the death", () => gate.asked === 2);
    const restarted = runner.restart("asked");
    await until("the replacement's own attempt", () => gate.asked === 3);
    gate.open();
    await restarted;
    await live(runner);
    await until("the second start", () => starts() >= 2);
    await runner.stop(5_000);
    expect(starts()).toBe(2);
  });

  it("starts nothing any more once it has been stopped, also when it was about to", async () => {
    const gate = createGate();
    const { runner, starts } = make(gate.pass);
    await runner.begin();
    await until("the first start", () => starts() === 1);
    gate.shut();
    const pid = runner.state.pid ?? 0;
    process.kill(pid, "SIGKILL");
    await until("the attempt after the death", () => gate.asked === 2);
    await runner.stop(5_000);
    gate.open();
    await gate.over();
    expect(runner.state).toMatchObject({ phase: "down", reason: "Envoy was stopped" });
    expect(readRecord(join(directory, "envoy.json"))?.pid).toBe(pid);
  });

  it("leaves no Envoy behind that is just coming into being when it is stopped, or replaced", async () => {
    const gate = createGate();
    const { runner, starts } = make(undefined, gate.pass);
    await runner.begin();
    await until("the first start", () => starts() === 1);
    const recorded = () => adoptProcess(join(directory, "envoy.json"), systemClock);
    gate.shut();
    process.kill(runner.state.pid ?? 0, "SIGKILL");
    await until("the second start", () => starts() === 2 && gate.asked === 2);
    const second = recorded();
    const restarted = runner.restart("asked");
    gate.open();
    await restarted;
    await until("the third start", () => starts() === 3);
    expect(second?.signal("SIGCONT")).toBe(false);
    expect(recorded()?.record.pid).toBe(runner.state.pid);
    gate.shut();
    const again = runner.restart("asked again");
    await until("the fourth start", () => starts() === 4 && gate.asked === 4);
    const fourth = recorded();
    const stopped = runner.stop(5_000);
    gate.open();
    await Promise.all([again, stopped]);
    expect(fourth?.signal("SIGCONT")).toBe(false);
    expect(recorded()).toBeUndefined();
  });
});
